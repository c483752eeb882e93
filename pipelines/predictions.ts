/** @file Predictions as files: one per person, an array per quantity (.npz, with AMASS's names) or an object per frame (.json). */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { MotionCueError } from "../src/errors.ts";
import { cropCameraToFull } from "../src/geometry/camera.ts";
import { matrixToAxisAngleHost } from "../src/geometry/rotation.ts";
import type { CropSquare } from "../src/image/box.ts";
import { cropMap } from "../src/image/crop.ts";
import type { NpyArray } from "../src/io/npy.ts";
import { type Column, createNpzColumns } from "../src/io/npz-columns.ts";
import { pendingFile } from "../src/io/write-file.ts";
import type { Prediction } from "./predict.ts";

/** What all frames of one person's file share. */
export interface PredictionInfo {
  /** The picture or video. */
  readonly source: string;
  readonly track: number;
  /** Frames per second; 0 for a picture. */
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  readonly cropSize: number;
  readonly betaCount: number;
}

/** One person in one frame. */
export interface PersonFrame {
  readonly frame: number;
  /** Seconds. */
  readonly time: number;
  readonly square: CropSquare;
  readonly prediction: Prediction;
}

/** A file in the making: it appears under its name with `close`, whole, or not at all. */
export interface PredictionWriter {
  readonly path: string;
  write(person: PersonFrame): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** The formats by name, which is also the file's extension. */
export const predictionFormats: Readonly<
  Record<string, (path: string, info: PredictionInfo) => Promise<PredictionWriter>>
> = { npz: npzWriter, json: jsonWriter };

/** The focal length in px that `trans` assumes, since a crop camera has none: the picture's diagonal (a field of 53 degrees). */
export function assumedFocal(width: number, height: number): number {
  return Math.hypot(width, height);
}

/** The numbers of one person in one frame, as files name them. */
type Row = Readonly<Record<keyof ReturnType<typeof columnsOf>, Float32Array | Float64Array | Int32Array>>;

function columnsOf(betaCount: number) {
  return {
    /** Axis-angle per joint; the first turns the body into camera space (x right, y down, z forward). */
    poses: { dtype: "float32", shape: [72] },
    /** Metres, to add to the body model's vertices in camera space, for a pinhole of `focal` in the middle of the picture. */
    trans: { dtype: "float32", shape: [3] },
    betas_per_frame: { dtype: "float32", shape: [betaCount] },
    /** (s, tx, ty): crop coordinates in [-1,1] are s X + t. */
    camera: { dtype: "float32", shape: [3] },
    /** Centre and side of the square crop, px of the picture. */
    crop: { dtype: "float32", shape: [3] },
    /** Metres, without `trans`. */
    joints: { dtype: "float32", shape: [24, 3] },
    /** Pixels of the picture. */
    joints2d: { dtype: "float32", shape: [24, 2] },
    frame_index: { dtype: "int32", shape: [] },
    time: { dtype: "float64", shape: [] },
  } as const satisfies Record<string, Column>;
}

function rowOf({ frame, time, square, prediction }: PersonFrame, { width, height, cropSize }: PredictionInfo): Row {
  const { camera, joints } = prediction;
  const joints2d = new Float32Array(48);
  const [s, tx, ty] = [camera[0]!, camera[1]!, camera[2]!];
  const { a, bx, by } = cropMap(square, cropSize);
  for (let j = 0; j < 24; j++) {
    joints2d[2 * j] = (((s * joints[3 * j]! + tx + 1) / 2) * cropSize - 0.5 - bx) / a;
    joints2d[2 * j + 1] = (((s * joints[3 * j + 1]! + ty + 1) / 2) * cropSize - 0.5 - by) / a;
  }
  return {
    poses: Float32Array.from(matrixToAxisAngleHost(prediction.rotations)),
    trans: Float32Array.from(cropCameraToFull(camera, "sX+t", square, width, height, assumedFocal(width, height))),
    betas_per_frame: prediction.betas,
    camera,
    crop: Float32Array.of(square.cx, square.cy, square.side),
    joints,
    joints2d,
    frame_index: Int32Array.of(frame),
    time: Float64Array.of(time),
  };
}

async function npzWriter(path: string, info: PredictionInfo): Promise<PredictionWriter> {
  const columns = await createNpzColumns(path, columnsOf(info.betaCount));
  const betas = new Float64Array(info.betaCount);
  const number = (value: number) => ({ dtype: "float64", shape: [], data: Float64Array.of(value) }) as const;
  const text = (value: string): NpyArray => ({ dtype: "string", shape: [], data: [value] });
  return {
    path,
    async write(person) {
      await columns.append(rowOf(person, info));
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

async function jsonWriter(path: string, info: PredictionInfo): Promise<PredictionWriter> {
  const pending = await pendingFile(path);
  const out = createWriteStream(pending.temporary);
  let failure: Error | undefined;
  out.on("error", (error) => {
    failure = error;
  });
  let frames = 0;
  let isOpen = true;
  const put = async (text: string) => {
    if (failure) throw new MotionCueError(path, `cannot be written: ${failure.message}`);
    if (!out.write(text)) await Promise.race([once(out, "drain"), once(out, "close")]);
  };
  const head = { ...info, focal: assumedFocal(info.width, info.height), cameraConvention: "sX+t" };
  await put(`${JSON.stringify(head).slice(0, -1)},"frames":[`);
  const end = () =>
    new Promise<void>((fulfil) => {
      if (out.closed) return fulfil();
      out.on("close", () => fulfil());
      out.end();
    });
  const abort = async () => {
    if (!isOpen) return;
    isOpen = false;
    await end();
    await pending.discard();
  };
  return {
    path,
    async write(person) {
      const { frame_index, time, betas_per_frame, ...row } = rowOf(person, info);
      const numbers = Object.entries({ ...row, betas: betas_per_frame }).map(([key, values]) => [
        key,
        Array.from(values, (value) => Number(value.toPrecision(7))),
      ]);
      const frame = { frame: frame_index[0], time: time[0], ...Object.fromEntries(numbers) };
      await put(`${frames++ > 0 ? "," : ""}\n${JSON.stringify(frame)}`);
    },
    async close() {
      try {
        await put("\n]}\n");
        await end();
        if (failure) throw new MotionCueError(path, `cannot be written: ${failure.message}`);
        isOpen = false;
        await pending.commit();
      } catch (error) {
        await abort();
        throw error;
      }
    },
    abort,
  };
}
