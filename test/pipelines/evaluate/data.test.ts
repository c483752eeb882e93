/** @file Sequences for evaluation from clip stores with truth files and from labelled data sets. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClipStore } from "../../../pipelines/clips/store.ts";
import { labelledSequence, truthPath, videoSequences } from "../../../pipelines/evaluate/data.ts";
import type { LabelledDataset } from "../../../pipelines/labelled/dataset.ts";
import { FormatError } from "../../../src/errors.ts";
import { createImage } from "../../../src/image/image.ts";
import { floatTensor } from "../../../src/io/host-tensor.ts";
import { writeNpz } from "../../../src/io/npz.ts";
import { expectClose } from "../../support/matchers.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "motioncue-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const crop = (frame: number) => ({ frame, time: frame / 25, cx: 0, cy: 0, side: 8 });

/** One person seen in frames 2, 3, 5 and 6; pairs 2-3 and 5-6. Crop i is full of 10 + i, flow of its pair's number. */
const store: ClipStore = {
  key: "toy",
  index: {
    video: "toy.mp4",
    width: 8,
    height: 8,
    cropSize: 8,
    flowSize: 4,
    clips: [
      {
        track: 3,
        crops: [2, 3, 5, 6].map(crop),
        pairs: [
          [0, 1],
          [2, 3],
        ],
      },
    ],
  },
  readCrop: async (_, i, into, offset) => void into.fill(10 + i, offset, offset + 192),
  readFlow: async (_, pair) => ({
    forward: new Float32Array(32).fill(pair),
    backward: new Float32Array(32).fill(-pair),
  }),
};

async function truth(frames: number, keys = { poses: "poses" }): Promise<string> {
  const path = join(folder, `${frames}${keys.poses}.npz`);
  const poses = new Float32Array(72 * frames);
  // The frame's number of degrees about y at joint 1.
  for (let t = 0; t < frames; t++) poses[72 * t + 4] = (t * Math.PI) / 180;
  await writeNpz(path, {
    [keys.poses]: floatTensor(poses, [frames, 72]),
    betas: floatTensor(
      Float32Array.from({ length: 10 }, (_, i) => i),
      [10],
    ),
  });
  return path;
}

describe("videoSequences", () => {
  it("reads crops, the truth of the same frames, and the flow of pairs that follow each other", async () => {
    const [sequence, ...others] = await videoSequences(store, await truth(7));
    expect(others).toEqual([]);
    expect(sequence!.name).toBe("toy.mp4");
    expect(sequence!.frames).toEqual([2, 3, 5, 6]);
    const { crop: image, truth: known } = await sequence!.load(2);
    expect([image.shape, image.get(7, 7, 2)]).toEqual([[8, 8, 3], 12]);
    // Turn of 5 degrees about y: row 0 is (cos, 0, sin).
    const angle = (5 * Math.PI) / 180;
    expectClose(Float64Array.from(known.rotations!).slice(9, 12), [Math.cos(angle), 0, Math.sin(angle)], 1e-6);
    expect(known.betas![9]).toBe(9);
    expect(await sequence!.flow!(1)).toBeUndefined();
    expect(await sequence!.flow!(2)).toMatchObject({ size: 4, forward: new Float32Array(32).fill(1) });
  });

  it("names the truth file that does not fit", async () => {
    await expect(videoSequences(store, await truth(6))).rejects.toThrow(/6poses.npz: expected poses of 7 frames/);
    const missing = videoSequences(store, await truth(7, { poses: "other" }));
    await expect(missing).rejects.toThrow(FormatError);
  });

  it("looks beside the video", () => {
    expect(truthPath("/a.b/synth-001.mp4")).toBe("/a.b/synth-001.npz");
  });
});

describe("labelledSequence", () => {
  const square = { cx: 20, cy: 20, side: 30 };
  const joints3d = Float32Array.from({ length: 96 }, (_, i) => (i % 4 === 3 ? (i < 48 ? 1 : 0) : i));
  const dataset: LabelledDataset = {
    path: "set.npz",
    count: 3,
    labels: () => ({ square }),
    imagePath: () => "none",
    wide: async (index, side) => ({
      image: createImage(side, side),
      labels: index === 0 ? { square, joints3d } : { square, pose: new Float32Array(72), betas: new Float32Array(10) },
    }),
  };

  it("gives pictures that are no neighbours, with what is known of each", async () => {
    const sequence = labelledSequence(dataset, 16);
    expect(sequence.frames).toEqual([0, 2, 4]);
    expect(sequence.flow).toBeUndefined();
    const joints = await sequence.load(0);
    expect(joints.crop.shape).toEqual([16, 16, 3]);
    expect(joints.truth.rotations).toBeUndefined();
    expectClose(Float32Array.from(joints.truth.joints!).slice(3, 6), [4, 5, 6]);
    expectClose(Float32Array.from(joints.truth.known!).slice(11, 13), [1, 0]);
    expect((await sequence.load(1)).truth).toMatchObject({ betas: new Float32Array(10) });
  });
});
