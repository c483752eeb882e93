/** @file Predictions as .npz, with AMASS's names (poses, betas, trans, gender, mocap_framerate) and more beside them. */
import type { NpyArray } from "../../src/io/npy.ts";
import { createNpzColumns } from "../../src/io/npz-columns.ts";
import { predictionRow, rowColumns } from "./prediction-row.ts";
import { assumedFocal, type PredictionInfo, type PredictionWriter } from "./prediction-writer.ts";

/** A writer of `path`.npz: an array per quantity, a row per frame. */
export async function npzWriter(path: string, info: PredictionInfo): Promise<PredictionWriter> {
  const columns = await createNpzColumns(path, rowColumns(info.betaCount));
  const betas = new Float64Array(info.betaCount);
  const number = (value: number) => ({ dtype: "float64", shape: [], data: Float64Array.of(value) }) as const;
  const text = (value: string): NpyArray => ({ dtype: "string", shape: [], data: [value] });
  return {
    path,
    async write(person) {
      await columns.append(predictionRow(person, info));
      person.prediction.betas.forEach((value, i) => {
        betas[i]! += value;
      });
    },
    close: () =>
      columns.close({
        // AMASS has one shape per person: the mean.
        betas: { dtype: "float32", shape: [betas.length], data: Float32Array.from(betas, (v) => v / columns.rows) },
        gender: text("neutral"),
        mocap_framerate: number(info.fps),
        focal: number(assumedFocal(info.width, info.height)),
        image_size: { dtype: "int32", shape: [2], data: Int32Array.of(info.width, info.height) },
        crop_size: { dtype: "int32", shape: [], data: Int32Array.of(info.cropSize) },
        camera_convention: text("sX+t"),
        source: text(info.source),
        track: { dtype: "int32", shape: [], data: Int32Array.of(info.track) },
      }),
    abort: columns.abort,
  };
}
