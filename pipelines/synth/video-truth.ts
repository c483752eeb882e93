/** @file What is true of a synthetic video's frames, as the arrays and the track file beside it. */
import { basename } from "node:path";
import { squareBox } from "../../src/image/box.ts";
import { floatTensor } from "../../src/io/host-tensor.ts";
import { CROP_SCALE } from "./stills.ts";
import type { View } from "./viewpoint.ts";
import { boxIn, fitWeakCamera, jointPixels, type Moment, type Scene } from "./world.ts";

/** Collects the truth of `frames` frames; `entries` gives it as the arrays that `writeSynthVideos` describes. */
export function createTruth(frames: number) {
  const column = (size: number) => new Float32Array(frames * size);
  const columns = {
    poses: column(72),
    trans: column(3),
    joints: column(72),
    joints2d: column(48),
    boxes: column(4),
    cameras: column(3),
  };
  return {
    add(i: number, moment: Moment, view: View): void {
      const pixels = jointPixels(moment.joints, view);
      const box = boxIn(moment.extent, view);
      columns.poses.set(moment.pose, 72 * i);
      columns.trans.set(moment.transl, 3 * i);
      columns.joints.set(moment.joints, 72 * i);
      columns.joints2d.set(pixels, 48 * i);
      columns.boxes.set([box.x0, box.y0, box.x1, box.y1], 4 * i);
      const model = moment.joints.map((value, k) => value - moment.transl[k % 3]!);
      columns.cameras.set(fitWeakCamera(model, pixels, squareBox(box, CROP_SCALE)), 3 * i);
    },
    boxes: () => columns.boxes,
    entries: (scene: Scene, view: View, fps: number) => ({
      poses: floatTensor(columns.poses, [frames, 72]),
      betas: floatTensor(scene.betas, [10]),
      trans: floatTensor(columns.trans, [frames, 3]),
      joints: floatTensor(columns.joints, [frames, 24, 3]),
      joints2d: floatTensor(columns.joints2d, [frames, 24, 2]),
      boxes: floatTensor(columns.boxes, [frames, 4]),
      cameras: floatTensor(columns.cameras, [frames, 3]),
      intrinsics: floatTensor(Float32Array.of(view.focal, view.cx, view.cy), [3]),
      mocap_framerate: floatTensor(Float32Array.of(fps), [1]),
      gender: { dtype: "string" as const, shape: [], data: ["neutral"] },
      motion: { dtype: "string" as const, shape: [], data: [scene.motion.kind] },
    }),
  };
}

/** A person who is narrower or lower than this many pixels is not seen: gone far away, or past a camera that stands still. */
const SEEN = 1;

/** One track with the mesh's own boxes, in the format of track files; frames in which nobody is seen are not in it. */
export function tracksJson(video: string, boxes: Float32Array): string {
  const all = Array.from({ length: boxes.length / 4 }, (_, index) => ({
    index,
    box: Array.from(boxes.subarray(4 * index, 4 * index + 4), (x) => Math.round(x * 100) / 100),
    score: 1,
  }));
  const frames = all.filter(({ box: [x0, y0, x1, y1] }) => x1! - x0! >= SEEN && y1! - y0! >= SEEN);
  const content = {
    video: basename(video),
    frameCount: all.length,
    boxFormat: "x0, y0, x1, y1 in px, pixel centres at integers",
    detector: "ground truth",
    tracks: frames.length > 0 ? [{ id: 1, frames }] : [],
  };
  return `${JSON.stringify(content)}\n`;
}
