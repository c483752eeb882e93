/** @file Predictions as .json: an object per frame, numbers with seven digits. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { MotionCueError } from "../../src/errors.ts";
import { pendingFile } from "../../src/io/write-file.ts";
import { predictionRow } from "./prediction-row.ts";
import { assumedFocal, type PredictionInfo, type PredictionWriter } from "./prediction-writer.ts";

/** A writer of `path`.json: what all frames share, and an object per frame. */
export async function jsonWriter(path: string, info: PredictionInfo): Promise<PredictionWriter> {
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
      const { frame_index, time, betas_per_frame, ...row } = predictionRow(person, info);
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
