/** @file The true keypoints of synthetic footage, as a part template's joints, in pixels of its crops. */
import { stat } from "node:fs/promises";
import { FormatError, MotionCueError } from "../../src/errors.ts";
import { cropMap } from "../../src/image/crop.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import { numbersOf, readNpz } from "../../src/io/npz.ts";
import { truthPath } from "../evaluate/data.ts";
import { mixJoints, templateJointMap } from "../labelled/template-joints.ts";
import type { Footage } from "./footage.ts";
import type { TrueKeypoints } from "./measure.ts";
import type { CropPlace } from "./pairs.ts";

/** Frames with their truth, in one order. */
export interface LabelledFrames {
  readonly places: readonly CropPlace[];
  readonly truth: TrueKeypoints;
}

/**
 * Every crop of the footage with its truth from the .npz beside its video, as `synth` writes it (joints2d [T,24,2] and
 * boxes [T,4], in pixels of the frame). `names` are joints of a part template that bodies have. Throws FormatError.
 */
export async function labelledFrames(footage: readonly Footage[], names: readonly string[]): Promise<LabelledFrames> {
  const map = templateJointMap(names);
  if (map.names.length < names.length)
    throw new MotionCueError("template evaluate", `expected joints that a body has, got ${names.join(", ")}`);
  const size = footage[0]!.store.index.cropSize;
  const places: CropPlace[] = [];
  const data: number[] = [];
  const diagonals: number[] = [];
  for (const { store } of footage) {
    const { joints, boxes } = await readTruth(truthPath(store.index.video), store.index.video);
    for (const [clip, { crops }] of store.index.clips.entries())
      for (const [crop, record] of crops.entries()) {
        const { frame } = record;
        if (frame >= boxes.length / 4)
          throw new FormatError(
            truthPath(store.index.video),
            `expected the truth of frame ${frame}, got ${boxes.length / 4} frames`,
          );
        const { a, bx, by } = cropMap(record, size);
        const own = mixJoints(map, joints.subarray(48 * frame, 48 * (frame + 1)), 2);
        for (let k = 0; k < own.length; k += 2) data.push(a * own[k]! + bx, a * own[k + 1]! + by);
        const [x0, y0, x1, y1] = boxes.subarray(4 * frame, 4 * frame + 4);
        diagonals.push(a * Math.hypot(x1! - x0!, y1! - y0!));
        places.push({ store, clip, crop });
      }
  }
  const keypoints = { data: Float64Array.from(data), joints: names.length };
  return { places, truth: { names, keypoints, diagonals, size } };
}

async function readTruth(path: string, video: string) {
  if (!(await stat(path).catch(() => undefined)))
    throw new FormatError(path, `expected the truth of ${video} there, as synth writes it, found nothing`);
  const arrays = await readNpz(path, { keys: ["joints2d", "boxes"] });
  return {
    joints: toFloat32(numbersOf(arrays, "joints2d", path, [-1, 24, 2])),
    boxes: toFloat32(numbersOf(arrays, "boxes", path, [-1, 4])),
  };
}
