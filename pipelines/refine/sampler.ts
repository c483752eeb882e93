/** @file Which pairs of frames a step uses: the split into training and held-out pairs, seeded draws, and reading ahead. */
import { fullBox } from "../../src/image/box.ts";
import { cropMap } from "../../src/image/crop.ts";
import type { Random } from "../../src/random.ts";
import type { ClipStore } from "../clips/store.ts";
import type { PairName } from "../cues/cue.ts";

/** One pair of a store. */
export interface PairPlace {
  readonly store: ClipStore;
  readonly clip: number;
  readonly pair: number;
}

/** Training and held-out pairs. */
export interface PairSplit {
  readonly training: readonly PairPlace[];
  readonly heldOut: readonly PairPlace[];
}

/** P pairs on the host: what the regressor and the cues need, as they lie in the cache. */
export interface PairBatch {
  readonly names: readonly PairName[];
  readonly cropSize: number;
  readonly flowSize: number;
  /** [2P, cropSize, cropSize, 3] bytes: the first frames of all pairs, then the second ones. */
  readonly crops: Uint8Array;
  /** [2P*4] edges of the frame in crop pixels: left, top, right, bottom; see CueInputs.picture. */
  readonly picture: Float32Array;
  /** [P, flowSize, flowSize, 2] pixels of the flow crops, first to second frame. */
  readonly forward: Float32Array;
  /** The same, second to first frame. */
  readonly backward: Float32Array;
}

const HELD_OUT_SHARE = 0.2;

/**
 * Splits the pairs of one video. Held out is the last fifth of its pairs in time, over all its tracks, so that no frame of a
 * held-out pair is in a training pair, in another person's crop either. A video of one pair trains.
 */
export function splitPairs(store: ClipStore): PairSplit {
  const { clips } = store.index;
  const all = clips.flatMap((clip, c) =>
    clip.pairs.map(([a, b], pair) => ({
      place: { store, clip: c, pair },
      first: clip.crops[a]!.frame,
      second: clip.crops[b]!.frame,
    })),
  );
  const starts = all.map(({ first }) => first).sort((a, b) => a - b);
  if (starts.length < 2) return { training: all.map(({ place }) => place), heldOut: [] };
  const count = Math.max(1, Math.round(starts.length * HELD_OUT_SHARE));
  const begin = starts[starts.length - count]!;
  return {
    training: all.filter(({ second }) => second < begin).map(({ place }) => place),
    heldOut: all.filter(({ first }) => first >= begin).map(({ place }) => place),
  };
}

/** `count` of `items` (all, when there are fewer), evenly spread. */
export function evenlySpread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!);
}

/** `count` pairs drawn uniformly, each at most once while there are enough of them. */
export function drawPairs(pairs: readonly PairPlace[], count: number, random: Random): PairPlace[] {
  if (pairs.length <= count)
    return Array.from({ length: count }, (_, i) => (i < pairs.length ? pairs[i]! : random.pick(pairs)));
  const taken = new Set<number>();
  while (taken.size < count) taken.add(random.integer(pairs.length));
  return [...taken].map((i) => pairs[i]!);
}

/** The name of a pair, for messages. */
export function pairName({ store, clip, pair }: PairPlace): PairName {
  const record = store.index.clips[clip]!;
  const [a, b] = record.pairs[pair]!;
  return {
    video: store.index.video,
    track: String(record.track),
    frames: [record.crops[a]!.frame, record.crops[b]!.frame],
  };
}

/** Reads a batch from the cache. All stores have the same sizes. */
export async function loadPairs(places: readonly PairPlace[]): Promise<PairBatch> {
  const { cropSize, flowSize } = places[0]!.store.index;
  const count = places.length;
  const cropLength = cropSize * cropSize * 3;
  const flowLength = flowSize * flowSize * 2;
  const crops = new Uint8Array(2 * count * cropLength);
  const picture = new Float32Array(2 * count * 4);
  const forward = new Float32Array(count * flowLength);
  const backward = new Float32Array(count * flowLength);
  await Promise.all(
    places.map(async ({ store, clip, pair }, i) => {
      const [a, b] = store.index.clips[clip]!.pairs[pair]!;
      picture.set(frameEdges(store, clip, a), 4 * i);
      picture.set(frameEdges(store, clip, b), 4 * (count + i));
      await store.readCrop(clip, a, crops, i * cropLength);
      await store.readCrop(clip, b, crops, (count + i) * cropLength);
      const flow = await store.readFlow(clip, pair);
      forward.set(flow.forward, i * flowLength);
      backward.set(flow.backward, i * flowLength);
    }),
  );
  return { names: places.map(pairName), cropSize, flowSize, crops, picture, forward, backward };
}

/** Where the frame's outer edges lie in one of its crops, crop pixels: left, top, right, bottom. */
function frameEdges({ index }: ClipStore, clip: number, crop: number): [number, number, number, number] {
  const { a, bx, by } = cropMap(index.clips[clip]!.crops[crop]!, index.cropSize);
  const { x0, y0, x1, y1 } = fullBox(index.height, index.width);
  return [a * x0 + bx, a * y0 + by, a * x1 + bx, a * y1 + by];
}

/**
 * The results of `load(from)`, `load(from + 1)` ... up to but without `to`, each begun while the one before is in use, so
 * that reading overlaps computing.
 */
export async function* readAhead<T>(from: number, to: number, load: (index: number) => Promise<T>): AsyncGenerator<T> {
  let next = from < to ? load(from) : undefined;
  for (let i = from; i < to; i++) {
    const current = await next!;
    next = i + 1 < to ? load(i + 1) : undefined;
    // A failure of the next one is met when it is awaited; meanwhile it is not an unhandled one.
    next?.catch(() => undefined);
    yield current;
  }
}
