/** @file What the frozen teacher says of frames, each computed once in a run instead of in every step. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { cropBatch, predictFrames } from "../bodies/predict.ts";
import type { ClipStore } from "../clips/store.ts";
import type { FrameParameters } from "../cues/cue.ts";
import { type FramePlace, loadCrops } from "./sampler.ts";

const FIELDS = ["rotations", "betas", "camera", "joints"] as const;

/** FrameParameters of F frames on the host, row after row. */
export type HostParameters = Readonly<Record<(typeof FIELDS)[number], Float32Array>>;

export interface TeacherCache {
  /** The teacher's predictions for frames, in their order. */
  parametersOf(frames: readonly FramePlace[]): Promise<HostParameters>;
}

/**
 * Frames are predicted in groups that lie together in a clip: the last bits of a prediction depend on what else is in its
 * batch, so a batch must not depend on the step that asks first, or a resumed run would end otherwise.
 */
const GROUP = 16;
/** Bytes that may be kept, and what one frame takes (24 rotations and joints, up to 16 betas, a camera). */
const MOST_BYTES = 256 * 2 ** 20;
const FRAME_BYTES = 4 * (216 + 72 + 16 + 3);

/**
 * Whether a cache does less work than predicting in every step: `draws` frames are asked for, of `frames` there are, all of
 * which it may compute; and whether they fit into memory.
 */
export function isCacheWorthwhile(draws: number, frames: number): boolean {
  return draws >= frames && frames * FRAME_BYTES <= MOST_BYTES;
}

/** A cache of the predictions of `teacher`, which must not change meanwhile. */
export function createTeacherCache(teacher: Regressor, body: BodyModel): TeacherCache {
  const kept = new Map<ClipStore, Map<string, Promise<HostParameters>>>();

  function groupOf({ store, clip, crop }: FramePlace): Promise<HostParameters> {
    const own = kept.get(store) ?? new Map<string, Promise<HostParameters>>();
    kept.set(store, own);
    const begin = crop - (crop % GROUP);
    const key = `${clip}/${begin}`;
    const found = own.get(key) ?? predictGroup(store, clip, begin);
    own.set(key, found);
    return found;
  }

  async function predictGroup(store: ClipStore, clip: number, begin: number): Promise<HostParameters> {
    const count = Math.min(GROUP, store.index.clips[clip]!.crops.length - begin);
    const crops = await loadCrops(Array.from({ length: count }, (_, i) => ({ store, clip, crop: begin + i })));
    const rows: Partial<Record<keyof HostParameters, Float32Array>> = {};
    tf.tidy(() => {
      const frames = predictFrames(teacher, body, cropBatch(crops, store.index.cropSize));
      for (const field of FIELDS) rows[field] = Float32Array.from(frames[field].dataSync<"float32">());
    });
    return rows as HostParameters;
  }

  return {
    async parametersOf(frames) {
      const groups = await Promise.all(frames.map(groupOf));
      const pick = (field: keyof HostParameters): Float32Array => {
        const parts = frames.map(({ store, clip, crop }, i) => {
          const own = groups[i]![field];
          const begin = crop - (crop % GROUP);
          const length = own.length / Math.min(GROUP, store.index.clips[clip]!.crops.length - begin);
          return own.subarray((crop - begin) * length, (crop - begin + 1) * length);
        });
        const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
        let at = 0;
        for (const part of parts) {
          result.set(part, at);
          at += part.length;
        }
        return result;
      };
      return { rotations: pick("rotations"), betas: pick("betas"), camera: pick("camera"), joints: pick("joints") };
    },
  };
}

/** Host parameters of `count` frames as tensors; the caller disposes them. */
export function parameterTensors({ rotations, betas, camera, joints }: HostParameters, count: number): FrameParameters {
  const rows = (data: Float32Array, shape: readonly number[]): Tensor => tf.tensor(data, [count, ...shape]);
  return {
    rotations: rows(rotations, [rotations.length / count / 9, 3, 3]),
    betas: rows(betas, [betas.length / count]) as Tensor2D,
    camera: rows(camera, [3]) as Tensor2D,
    joints: rows(joints, [joints.length / count / 3, 3]) as Tensor3D,
  };
}
