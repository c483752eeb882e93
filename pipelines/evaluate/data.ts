/** @file What can be evaluated on: videos with the truth beside them, and labelled data sets. */
import { FormatError } from "../../src/errors.ts";
import { axisAngleToMatrixHost } from "../../src/geometry/rotation.ts";
import { imageFrom } from "../../src/image/image.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import { numbersOf, readNpz } from "../../src/io/npz.ts";
import type { ClipRecord, ClipStore } from "../clips/store.ts";
import type { LabelledDataset } from "../labelled/dataset.ts";
import { createCropLoader } from "../labelled/source.ts";
import type { EvaluationFrame, EvaluationSequence, PairFlow } from "./evaluate.ts";
import type { FrameTruth } from "./frame-errors.ts";

/** The ground-truth file that belongs to a synthetic video: the same name ending in .npz. */
export function truthPath(video: string): string {
  return video.replace(/\.[^./\\]*$/, ".npz");
}

/**
 * The people of a prepared video (prepareClips) as sequences, with truth from `truth` (poses [T,72] axis-angle in
 * camera space and betas [10], as `synth` writes them) and flow from the store. Throws FormatError for a file without
 * these.
 */
export async function videoSequences(store: ClipStore, truth: string): Promise<EvaluationSequence[]> {
  const arrays = await readNpz(truth, { keys: ["poses", "betas"] });
  const poses = toFloat32(numbersOf(arrays, "poses", truth, [-1, 72]));
  const betas = toFloat32(numbersOf(arrays, "betas", truth, [-1]));
  const { index } = store;
  return index.clips.map((clip, c) => {
    const last = clip.crops.reduce((most, { frame }) => Math.max(most, frame), -1);
    if (poses.length < 72 * (last + 1))
      throw new FormatError(truth, `expected poses of ${last + 1} frames at least, got ${poses.length / 72}`);
    const follows = new Map(clip.pairs.map(([first, second], pair) => [first, { second, pair }] as const));
    return {
      name: index.clips.length === 1 ? index.video : `${index.video} track ${clip.track}`,
      frames: clip.crops.map(({ frame }) => frame),
      load: (position) => storedFrame(store, c, position, trueBody(poses, betas, clip, position)),
      flow: async (position): Promise<PairFlow | undefined> => {
        const next = follows.get(position);
        if (next?.second !== position + 1) return undefined;
        return { size: index.flowSize, ...(await store.readFlow(c, next.pair)) };
      },
    };
  });
}

async function storedFrame(
  store: ClipStore,
  clip: number,
  position: number,
  truth: FrameTruth,
): Promise<EvaluationFrame> {
  const { cropSize } = store.index;
  const pixels = new Uint8Array(cropSize * cropSize * 3);
  await store.readCrop(clip, position, pixels, 0);
  return { crop: imageFrom(pixels, cropSize, cropSize), truth };
}

function trueBody(poses: Float32Array, betas: Float32Array, clip: ClipRecord, position: number): FrameTruth {
  const { frame } = clip.crops[position]!;
  return { rotations: axisAngleToMatrixHost(poses.subarray(72 * frame, 72 * (frame + 1)), 24), betas };
}

/** A labelled data set as one sequence of pictures that do not follow each other: no acceleration, no flow. */
export function labelledSequence(dataset: LabelledDataset, cropSize: number): EvaluationSequence {
  const load = createCropLoader(dataset, cropSize);
  return {
    name: dataset.path,
    // Every second number, so that no two pictures pass for neighbours.
    frames: Array.from({ length: dataset.count }, (_, i) => 2 * i),
    load: async (position) => {
      const { image, rotations, betas, joints3d } = await load(position);
      const joints = joints3d?.filter((_, i) => i % 4 < 3);
      const known = joints3d?.filter((_, i) => i % 4 === 3);
      return {
        crop: imageFrom(image, cropSize, cropSize),
        truth: {
          ...(rotations ? { rotations } : {}),
          ...(betas ? { betas } : {}),
          ...(joints && known ? { joints, known } : {}),
        },
      };
    },
  };
}
