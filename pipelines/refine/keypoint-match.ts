/** @file Whose keypoints they are: people of keypoint files matched to the crops of tracks, and moved into crop pixels. */
import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { bodyPoints, createPointSampler, type JointSampler } from "../../smpl/body-points.ts";
import { FIRST_EXTRA, FIRST_PICK, jointSets } from "../../smpl/joint-sets.ts";
import { MotionCueError } from "../../src/errors.ts";
import { type CropSquare, squareBox } from "../../src/image/box.ts";
import { cropMap } from "../../src/image/crop.ts";
import type { ClipStore } from "../clips/store.ts";
import { contentKey } from "../run/content-key.ts";
import type { Context } from "../run/context.ts";
import { readKeypoints } from "./keypoint-files.ts";
import type { PersonKeypoints, VideoKeypoints } from "./keypoint-formats.ts";
import type { FramePlace } from "./sampler.ts";

/** A run's keypoints. */
export interface KeypointSource {
  /** Gives the K points that are compared. The owner of the source disposes it. */
  readonly sampler: JointSampler;
  /** [F*K*3] of frames: crop pixels and confidence, 0 where unknown. */
  keypointsOf(frames: readonly FramePlace[]): Float32Array;
  /** [K] see FrameSet.keypointMirror. */
  readonly mirror?: readonly number[];
  /** Frames of all clips that have keypoints. */
  readonly matched: number;
  /** Stands for the files' content. */
  readonly digest: string;
}

const POINT_COUNT = jointSets["smpl-54"].names.length;
/** Least overlap (intersection over union) of a crop's square and the square about a person's keypoints. */
const LEAST_OVERLAP = 0.2;
/** Keypoints below this confidence do not say where a person is. */
const SURE = 0.1;
/** What crops usually have around a box: the shipped default of --box-scale. */
const MARGIN = 1.2;

/**
 * Reads the keypoints of every store's video and matches them. Points that the body does not have are dropped. The log is
 * told of videos without keypoints. Throws as readKeypoints, and MotionCueError where no crop has any.
 */
export async function openKeypoints(
  choice: string,
  stores: readonly ClipStore[],
  body: BodyArrays,
  context: Context,
): Promise<KeypointSource> {
  const found = new Map<ClipStore, Map<string, Float32Array>>();
  const digests: string[] = [];
  for (const store of stores) {
    const read = await readKeypoints(choice, store.index.video);
    if (!read) context.log.warn(`${store.index.video}: no keypoints for it in ${choice}`);
    found.set(store, read ? matchPeople(store, read.people) : new Map());
    digests.push(...(read?.digests ?? []));
  }
  const matched = [...found.values()].reduce((sum, crops) => sum + crops.size, 0);
  if (matched === 0)
    throw new MotionCueError("--keypoints", `expected keypoints of the people in the videos, ${choice} has none`);
  const points = usedPoints(body, found);
  return {
    sampler: createPointSampler(body, "keypoints", points),
    matched,
    digest: contentKey(digests),
    keypointsOf(frames) {
      const result = new Float32Array(frames.length * points.length * 3);
      frames.forEach(({ store, clip, crop }, f) => {
        const own = found.get(store)?.get(`${clip}/${crop}`);
        if (!own) return;
        points.forEach((point, k) => {
          result.set(own.subarray(3 * point, 3 * point + 3), (f * points.length + k) * 3);
        });
      });
      return result;
    },
  };
}

/** Keypoints in crop pixels [54*3] by `clip/crop`. A person whose track is known is that track's; others go by overlap. */
export function matchPeople(store: ClipStore, people: VideoKeypoints): Map<string, Float32Array> {
  const { clips, cropSize } = store.index;
  const crops = clips.flatMap((clip, c) =>
    clip.crops.map((square, i) => ({ track: clip.track, key: `${c}/${i}`, square, frame: square.frame })),
  );
  const byFrame = new Map<number, typeof crops>();
  for (const crop of crops) {
    const own = byFrame.get(crop.frame);
    if (own) own.push(crop);
    else byFrame.set(crop.frame, [crop]);
  }
  const matched = new Map<string, Float32Array>();
  for (const [frame, here] of byFrame) {
    const candidates = (people.get(frame) ?? []).flatMap((person) =>
      here.flatMap((crop) => {
        const score = person.track === undefined ? overlap(person, crop.square) : person.track === crop.track ? 2 : 0;
        return score >= LEAST_OVERLAP ? [{ person, crop, score }] : [];
      }),
    );
    const taken = new Set<PersonKeypoints>();
    for (const { person, crop } of candidates.sort((a, b) => b.score - a.score)) {
      if (taken.has(person) || matched.has(crop.key)) continue;
      taken.add(person);
      matched.set(crop.key, inCrop(person.points, crop.square, cropSize));
    }
  }
  return matched;
}

/** Intersection over union of a crop's square and the square about a person's sure keypoints. */
function overlap({ points }: PersonKeypoints, crop: CropSquare): number {
  const xs: number[] = [];
  const ys: number[] = [];
  for (let k = 0; k < POINT_COUNT; k++) {
    if (points[3 * k + 2]! < SURE) continue;
    xs.push(points[3 * k]!);
    ys.push(points[3 * k + 1]!);
  }
  if (xs.length < 2) return 0;
  const box = { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
  if (!(box.x1 > box.x0 && box.y1 > box.y0)) return 0;
  const person = squareBox(box, MARGIN);
  const shared = (a: number, b: number) =>
    Math.max(0, Math.min(a + person.side / 2, b + crop.side / 2) - Math.max(a - person.side / 2, b - crop.side / 2));
  const area = shared(person.cx, crop.cx) * shared(person.cy, crop.cy);
  return area / (person.side ** 2 + crop.side ** 2 - area);
}

function inCrop(points: Float32Array, square: CropSquare, cropSize: number): Float32Array {
  const { a, bx, by } = cropMap(square, cropSize);
  return points.map((value, i) => (i % 3 === 2 ? value : a * value + (i % 3 === 0 ? bx : by)));
}

/** The points of SMPL-54 that some crop has and the body too. */
function usedPoints(body: BodyArrays, found: ReadonlyMap<ClipStore, ReadonlyMap<string, Float32Array>>): number[] {
  const { picks, extra } = bodyPoints(body);
  const used = new Uint8Array(POINT_COUNT);
  for (const crops of found.values())
    for (const points of crops.values()) for (let k = 0; k < POINT_COUNT; k++) used[k]! |= +(points[3 * k + 2]! > 0);
  const points = Array.from(used.keys()).filter(
    (k) => used[k] && (k < FIRST_PICK || (k < FIRST_EXTRA ? picks !== undefined : extra !== undefined)),
  );
  if (points.length === 0)
    throw new MotionCueError("--keypoints", `expected keypoints that the body ${body.name} has, got others only`);
  return points;
}
