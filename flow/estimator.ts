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
  clipFlows(images: Tensor4D, pairs: readonly Pair[], updates: number): ClipFlows;
  dispose(): void;
}

/** Tensors whose first dimension counts frames, or frames as seen from their pairs. */
export type Features<Keys> = { readonly [K in keyof Keys]: Tensor4D };
/** Indices of two frames, or of two items: flow runs from the first to the second. */
export type Pair = readonly [first: number, second: number];

/** A network as the estimator needs it: what it knows of single frames, and what it makes of two of them. */
export interface ClipNetwork<Frames extends Features<Frames>, Items extends Features<Items>> {
  /** Frames are padded by their edges, evenly ('sintel'), to multiples of this and at least to `least` px. */
  readonly multiple: number;
  readonly least: number;
  /** Encodes images [F,H,W,3] in 0..1 of a padded size. */
  encode(images: Tensor4D): Frames;
  /** What both directions of `pairs` share, and the items between which flow runs: all pairs, then all reversed. */
  relate(frames: Frames, pairs: readonly Pair[]): { readonly items: Items; readonly directions: readonly Pair[] };
  /** Flow [D,H,W,2] in px along each of D directions. */
  flowAlong(items: Items, directions: readonly Pair[], updates: number): Tensor4D;
  dispose(): void;
}

/** Numbers in correlation volumes (every eighth position with every other) that are worked on at once: 256 MB. */
const VOLUME_LIMIT = 2 ** 26;
/** Pixels encoded at once. */
const PIXEL_LIMIT = 2 ** 20;

/** The estimator that runs `network`, which it owns. */
export function clipEstimator<Frames extends Features<Frames>, Items extends Features<Items>>(
  name: string,
  network: ClipNetwork<Frames, Items>,
): FlowEstimator {
  function encodeAll(images: Tensor4D): Frames {
    const [count, h, w] = images.shape;
    const chunk = Math.max(1, Math.floor(PIXEL_LIMIT / (h * w)));
    const parts: Frames[] = [];
    for (let start = 0; start < count; start += chunk) {
      const size = Math.min(chunk, count - start);
      parts.push(network.encode(tf.slice(images, [start, 0, 0, 0], [size, h, w, 3])));
    }
    if (parts.length === 1) return parts[0]!;
    const keys = Object.keys(parts[0]!) as (keyof Frames)[];
    return Object.fromEntries(keys.map((key) => [key, tf.concat(parts.map((part) => part[key]))])) as unknown as Frames;
  }

  /** Flow of some pairs, forward then backward, of frames of the padded size [rows, columns]. */
  function bothWays(frames: Frames, pairs: readonly Pair[], volume: number, updates: number): Tensor4D {
    return tf.tidy(() => {
      const { items, directions } = network.relate(frames, pairs);
      if (directions.length * volume <= VOLUME_LIMIT) return network.flowAlong(items, directions, updates);
      return tf.concat(directions.map((direction) => network.flowAlong(items, [direction], updates)));
    });
  }

  function clipFlows(images: Tensor4D, pairs: readonly Pair[], updates: number): ClipFlows {
    const [count, h, w] = images.shape;
    checkPairs(name, pairs, count);
    if (!Number.isInteger(updates) || updates < 1) {
      throw new MotionCueError(name, `expected at least one update, got ${updates}; raise --flow-updates`);
    }
    if (pairs.length === 0) return { forward: tf.zeros([0, h, w, 2]), backward: tf.zeros([0, h, w, 2]) };
    return tf.tidy(() => {
      const [top, bottom] = paddingOf(h, network.least, network.multiple);
      const [left, right] = paddingOf(w, network.least, network.multiple);
      const frames = encodeAll(padEdges(images, [top, bottom, left, right]));
      const volume = (((top + h + bottom) / 8) * ((left + w + right) / 8)) ** 2;
      const chunk = Math.max(1, Math.floor(VOLUME_LIMIT / (2 * volume)));
      const forward: Tensor4D[] = [];
      const backward: Tensor4D[] = [];
      for (let start = 0; start < pairs.length; start += chunk) {
        const some = pairs.slice(start, start + chunk);
        const flows = bothWays(frames, some, volume, updates);
        const part = (from: number) => tf.slice(flows, [from, top, left, 0], [some.length, h, w, 2]);
        forward.push(part(0));
        backward.push(part(some.length));
        flows.dispose();
      }
      const join = (parts: Tensor4D[]) => (parts.length === 1 ? parts[0]! : tf.concat(parts));
      return { forward: join(forward), backward: join(backward) };
    });
  }

  return { name, clipFlows, dispose: () => network.dispose() };
}

/** The estimator that runs `raft`, which it owns. */
export function raftEstimator(name: string, raft: Raft): FlowEstimator {
  return clipEstimator<FlowFeatures, FlowFeatures>(name, {
    multiple: 8,
    least: 8 * 2 ** (raft.config.levels - 1),
    encode: (images) => raft.encode(images),
    relate: (frames, pairs) => ({ items: frames, directions: [...pairs, ...pairs.map(reversed)] }),
    flowAlong: (frames, directions, updates) => {
      const first = raft.select(frames, directions.map((pair) => pair[0])); // biome-ignore format: two of a kind
      const second = raft.select(frames, directions.map((pair) => pair[1])); // biome-ignore format: two of a kind
      return raft.flowBetween(first, second, updates);
    },
    dispose: () => raft.dispose(),
  });
}

function reversed([first, second]: Pair): Pair {
  return [second, first];
}

/** Padding before and after a dimension: to the next `multiple` and at least `least`, the smaller half before. */
export function paddingOf(size: number, least: number, multiple = 8): [before: number, after: number] {
  const total = Math.max(multiple * Math.ceil(size / multiple), least) - size;
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

function checkPairs(name: string, pairs: readonly Pair[], count: number): void {
  const wrong = pairs.flat().find((index) => !(Number.isInteger(index) && index >= 0 && index < count));
  if (wrong !== undefined)
    throw new MotionCueError(name, `expected frames 0 to ${count - 1}, got a pair with frame ${wrong}`);
}
