/** @file Which pairs of frames a step uses: the split into training and held-out pairs, seeded draws, and reading ahead. */
import { MotionCueError } from "../../src/errors.ts";
import { fullBox } from "../../src/image/box.ts";
import { cropMap } from "../../src/image/crop.ts";
import type { Random } from "../../src/random.ts";
import type { ClipStore } from "../clips/store.ts";
import type { FrameName, PairName } from "../cues/cue.ts";

/** One pair of a store. */
export interface PairPlace {
  readonly store: ClipStore;
  readonly clip: number;
  readonly pair: number;
}

/** One cropped frame of a store. */
export interface FramePlace {
  readonly store: ClipStore;
  readonly clip: number;
  readonly crop: number;
}

/** Training and held-out pairs. */
export interface PairSplit {
  readonly training: readonly PairPlace[];
  readonly heldOut: readonly PairPlace[];
}

/** F frames and P pairs of them on the host: what the regressor and the cues need, as they lie in the cache. */
export interface PairBatch {
  /** Of P pairs, and where the frames of each are among the F. */
  readonly names: readonly PairName[];
  readonly pairs: readonly (readonly [number, number])[];
  /** Of every three frames that follow each other at the least distance of a batch. */
  readonly triples: readonly (readonly [number, number, number])[];
  readonly frames: readonly FrameName[];
  readonly cropSize: number;
  readonly flowSize: number;
  /** [F, cropSize, cropSize, 3] bytes: the first frames of all pairs, then the second ones, none of them twice. */
  readonly crops: Uint8Array;
  /** [F*4] edges of the frame in crop pixels: left, top, right, bottom; see CueInputs.picture. */
  readonly picture: Float32Array;
  /** [P, flowSize, flowSize, 2] pixels of the flow crops, first to second frame. */
  readonly forward: Float32Array;
  /** The same, second to first frame. */
  readonly backward: Float32Array;
  /** [F*K*3], where a run has keypoints; see FrameSet. */
  readonly keypoints?: Float32Array;
}

const HELD_OUT_SHARE = 0.2;

/**
 * Splits the pairs of one video. Held out is the last fifth of its pairs in time, over all its tracks, so that no frame of a
 * held-out pair is in a training pair, in another person's crop either. A video that is too short for both trains.
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
  const count = Math.max(1, Math.round(starts.length * HELD_OUT_SHARE));
  const begin = starts[starts.length - count] ?? 0;
  const training = all.filter(({ second }) => second < begin);
  const heldOut = training.length === 0 ? [] : all.filter(({ first }) => first >= begin);
  const places = (pairs: typeof all) => pairs.map(({ place }) => place);
  return { training: places(training.length === 0 ? all : training), heldOut: places(heldOut) };
}

/** `count` of `items` (all, when there are fewer), evenly spread. */
export function evenlySpread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.floor(((i + 0.5) * items.length) / count)]!);
}

/** `count` of `items` drawn uniformly, each at most once while there are enough of them. */
export function drawItems<T>(items: readonly T[], count: number, random: Random): T[] {
  if (items.length <= count)
    return Array.from({ length: count }, (_, i) => (i < items.length ? items[i]! : random.pick(items)));
  const taken = new Set<number>();
  while (taken.size < count) taken.add(random.integer(items.length));
  return [...taken].map((i) => items[i]!);
}

/**
 * What is drawn as a whole: every pair by itself, or with `sequence` above 2 the pairs inside each run of so many frames
 * that are `gap` apart (the whole of a clip that is shorter). Throws MotionCueError where no three frames follow each other.
 */
export function drawUnits(pairs: readonly PairPlace[], sequence: number, gap: number): (readonly PairPlace[])[] {
  if (sequence <= 2) return pairs.map((pair) => [pair]);
  const clips = new Map<ClipStore, Map<number, PairPlace[]>>();
  for (const place of pairs) {
    const own = clips.get(place.store) ?? new Map<number, PairPlace[]>();
    clips.set(place.store, own);
    const known = own.get(place.clip);
    if (known) known.push(place);
    else own.set(place.clip, [place]);
  }
  const units = [...clips.values()].flatMap((own) => [...own.values()].flatMap((all) => runsOf(all, sequence, gap)));
  if (units.length === 0)
    throw new MotionCueError(
      "--sequence",
      `expected at least 3 training frames of a person in a row, ${gap} apart, found none; use 2`,
    );
  return units;
}

/** The pairs inside each run of frames of one clip. */
function runsOf(pairs: readonly PairPlace[], sequence: number, gap: number): PairPlace[][] {
  const from = new Map<number, { readonly place: PairPlace; readonly second: number }[]>();
  for (const place of pairs) {
    const [first, second] = pairName(place).frames;
    from.set(first, [...(from.get(first) ?? []), { place, second }]);
  }
  const follows = (a: number): boolean => from.get(a)?.some(({ second }) => second === a + gap) ?? false;
  return [...from.keys()].flatMap((begin) => {
    const frames = new Set([begin]);
    for (let at = begin; follows(at) && frames.size < sequence; at += gap) frames.add(at + gap);
    // Shorter ones only where nothing comes before either, so that no run lies inside another.
    if (frames.size < 3 || (frames.size < sequence && follows(begin - gap))) return [];
    const inside = [...frames].flatMap((a) => (from.get(a) ?? []).filter(({ second }) => frames.has(second)));
    return [inside.map(({ place }) => place)];
  });
}

/** The pairs whose frames are the least number of frames apart. */
export function nearestPairs(pairs: readonly PairPlace[]): PairPlace[] {
  const distances = pairs.map((place) => distanceOf(pairName(place)));
  const least = distances.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return pairs.filter((_, i) => distances[i] === least);
}

function distanceOf({ frames: [a, b] }: PairName): number {
  return b - a;
}

/** The frames of pairs, each once: first frames, then second ones, and where each pair's are. */
export function framesOf(places: readonly PairPlace[]): {
  readonly frames: FramePlace[];
  readonly pairs: (readonly [number, number])[];
} {
  const frames: FramePlace[] = [];
  const known = new Map<ClipStore, Map<string, number>>();
  const put = ({ store, clip, pair }: PairPlace, which: 0 | 1): number => {
    const crop = store.index.clips[clip]!.pairs[pair]![which];
    const own = known.get(store) ?? new Map<string, number>();
    known.set(store, own);
    const key = `${clip}/${crop}`;
    const found = own.get(key) ?? frames.push({ store, clip, crop }) - 1;
    own.set(key, found);
    return found;
  };
  const first = places.map((place) => put(place, 0));
  const second = places.map((place) => put(place, 1));
  return { frames, pairs: first.map((a, i) => [a, second[i]!] as const) };
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
  const { frames, pairs } = framesOf(places);
  const names = places.map(pairName);
  const flowLength = flowSize * flowSize * 2;
  const picture = new Float32Array(frames.length * 4);
  frames.forEach((frame, i) => {
    picture.set(frameEdges(frame), 4 * i);
  });
  const forward = new Float32Array(places.length * flowLength);
  const backward = new Float32Array(forward.length);
  const readFlows = places.map(async ({ store, clip, pair }, i) => {
    const flow = await store.readFlow(clip, pair);
    forward.set(flow.forward, i * flowLength);
    backward.set(flow.backward, i * flowLength);
  });
  const [crops] = await Promise.all([loadCrops(frames), ...readFlows]);
  return {
    names,
    pairs,
    triples: triplesOf(names, pairs),
    frames: frames.map(frameName),
    cropSize,
    flowSize,
    crops,
    picture,
    forward,
    backward,
  };
}

/** The crops of frames, [F, cropSize, cropSize, 3] bytes. */
export async function loadCrops(frames: readonly FramePlace[]): Promise<Uint8Array> {
  const { cropSize } = frames[0]!.store.index;
  const length = cropSize * cropSize * 3;
  const crops = new Uint8Array(frames.length * length);
  await Promise.all(frames.map(({ store, clip, crop }, i) => store.readCrop(clip, crop, crops, i * length)));
  return crops;
}

function triplesOf(
  names: readonly PairName[],
  pairs: readonly (readonly [number, number])[],
): (readonly [number, number, number])[] {
  const least = Math.min(...names.map(distanceOf));
  const next = new Map(pairs.filter((_, i) => distanceOf(names[i]!) === least));
  return [...next].flatMap(([a, b]) => (next.has(b) ? [[a, b, next.get(b)!] as const] : []));
}

/** The name of a frame, for messages. */
function frameName({ store, clip, crop }: FramePlace): FrameName {
  const record = store.index.clips[clip]!;
  return { video: store.index.video, track: String(record.track), frame: record.crops[crop]!.frame };
}

/** Where the frame's outer edges lie in one of its crops, crop pixels: left, top, right, bottom. */
export function frameEdges({ store: { index }, clip, crop }: FramePlace): [number, number, number, number] {
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
