/** @file A flow estimator: frames of a clip in, flow between pairs of them out, both ways. */
import { type Tensor4D, tf } from "../src/engine/tf.ts";
import { MotionCueError } from "../src/errors.ts";
import type { FlowFeatures, Raft } from "./raft.ts";

/** Flow of P pairs at the frames' size: `forward` [P,H,W,2] in px from the first frame to the second, `backward` the reverse. */
export interface ClipFlows {
  readonly forward: Tensor4D;
  readonly backward: Tensor4D;
}

export interface FlowEstimator {
  readonly name: string;
  /**
   * Flow both ways between `pairs` of frames of `images` [T,H,W,3] (RGB, 0..1, any size), after `updates` refinements.
   * Every frame is encoded once. The caller disposes the result. Throws MotionCueError for a pair outside the clip.
   */
  clipFlows(images: Tensor4D, pairs: readonly (readonly [number, number])[], updates: number): ClipFlows;
  dispose(): void;
}

/** Positions of the first level's correlation volumes that are worked on at once: 2^26 floats are 256 MB. */
const VOLUME_LIMIT = 2 ** 26;
/** Pixels encoded at once. */
const PIXEL_LIMIT = 2 ** 20;

/** The estimator that runs `raft`, which it owns. Frames are padded to multiples of 8 by their edges, evenly ('sintel'). */
export function raftEstimator(name: string, raft: Raft): FlowEstimator {
  const least = 8 * 2 ** (raft.config.levels - 1);

  function encodeAll(images: Tensor4D): FlowFeatures {
    const [count, h, w] = images.shape;
    const chunk = Math.max(1, Math.floor(PIXEL_LIMIT / (h * w)));
    const parts: FlowFeatures[] = [];
    for (let start = 0; start < count; start += chunk) {
      const size = Math.min(chunk, count - start);
      parts.push(raft.encode(tf.slice(images, [start, 0, 0, 0], [size, h, w, 3])));
    }
    const join = (key: keyof FlowFeatures) =>
      parts.length === 1 ? parts[0]![key] : tf.concat(parts.map((p) => p[key]));
    return { features: join("features"), hidden: join("hidden"), context: join("context") };
  }

  function between(features: FlowFeatures, pairs: readonly (readonly [number, number])[], updates: number): Tensor4D {
    const [, h, w] = features.features.shape;
    const chunk = Math.max(1, Math.floor(VOLUME_LIMIT / (h * w) ** 2));
    const parts: Tensor4D[] = [];
    for (let start = 0; start < pairs.length; start += chunk) {
      const some = pairs.slice(start, start + chunk);
      const flow = tf.tidy(() => {
        const first = raft.select(features, some.map((pair) => pair[0])); // biome-ignore format: two of a kind
        const second = raft.select(features, some.map((pair) => pair[1])); // biome-ignore format: two of a kind
        return raft.flowBetween(first, second, updates);
      });
      parts.push(flow);
    }
    return parts.length === 1 ? parts[0]! : tf.concat(parts);
  }

  function clipFlows(images: Tensor4D, pairs: readonly (readonly [number, number])[], updates: number): ClipFlows {
    const [count, h, w] = images.shape;
    checkPairs(name, pairs, count);
    if (!Number.isInteger(updates) || updates < 1) {
      throw new MotionCueError(name, `expected at least one update, got ${updates}; raise --flow-updates`);
    }
    if (pairs.length === 0) return { forward: tf.zeros([0, h, w, 2]), backward: tf.zeros([0, h, w, 2]) };
    return tf.tidy(() => {
      const [top, bottom] = paddingOf(h, least);
      const [left, right] = paddingOf(w, least);
      const features = encodeAll(padEdges(images, [top, bottom, left, right]));
      const reverse = pairs.map(([a, b]) => [b, a] as const);
      const flows = tf.slice(
        between(features, [...pairs, ...reverse], updates),
        [0, top, left, 0],
        [2 * pairs.length, h, w, 2],
      );
      const [forward, backward] = tf.split(flows, 2, 0) as [Tensor4D, Tensor4D];
      return { forward, backward };
    });
  }

  return { name, clipFlows, dispose: () => raft.dispose() };
}

/** Padding before and after a dimension: to the next multiple of 8 and at least `least`, the smaller half before. */
export function paddingOf(size: number, least: number): [before: number, after: number] {
  const total = Math.max(8 * Math.ceil(size / 8), least) - size;
  return [total >> 1, total - (total >> 1)];
}

/** `images` [T,H,W,C] with their edge pixels repeated outwards by [top, bottom, left, right]. */
export function padEdges(images: Tensor4D, padding: readonly [number, number, number, number]): Tensor4D {
  return tf.tidy(() => {
    const [top, bottom, left, right] = padding;
    const extended = (x: Tensor4D, axis: 1 | 2, before: number, after: number): Tensor4D => {
      if (before + after === 0) return x;
      const size = x.shape[axis];
      const index = Int32Array.from({ length: size + before + after }, (_, i) =>
        Math.min(size - 1, Math.max(0, i - before)),
      );
      return tf.gather(x, tf.tensor1d(index, "int32"), axis);
    };
    return tf.clone(extended(extended(images, 1, top, bottom), 2, left, right));
  });
}

function checkPairs(name: string, pairs: readonly (readonly [number, number])[], count: number): void {
  const wrong = pairs.flat().find((index) => !(Number.isInteger(index) && index >= 0 && index < count));
  if (wrong !== undefined)
    throw new MotionCueError(name, `expected frames 0 to ${count - 1}, got a pair with frame ${wrong}`);
}
