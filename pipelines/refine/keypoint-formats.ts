/** @file Files of 2D keypoints: our own, COCO's, and OpenPose's one file per frame, all told as points of SMPL-54. */
import { jointSets } from "../../smpl/joint-sets.ts";
import { FormatError } from "../../src/errors.ts";
import { showText, showValue } from "../../src/io/show-text.ts";

/** One person in one frame. */
export interface PersonKeypoints {
  /** The track it belongs to, where the file says so. */
  readonly track?: number;
  /** [54*3] by SMPL-54: x, y in pixels of the frame ((0,0) is the centre of the top-left pixel), confidence 0..1; 0 unknown. */
  readonly points: Float32Array;
}

/** Everybody in a video, by frame index counted from 0. */
export type VideoKeypoints = Map<number, PersonKeypoints[]>;

const POINTS = jointSets["smpl-54"].names;
const MOST_FRAME = 2 ** 31 - 1;

/** OpenPose's 18 keypoints of its COCO model. */
const OPENPOSE_18 = [
  ...["nose", "neck", "rightShoulder", "rightElbow", "rightWrist", "leftShoulder", "leftElbow", "leftWrist"],
  ...["rightHip", "rightKnee", "rightAnkle", "leftHip", "leftKnee", "leftAnkle"],
  ...["rightEye", "leftEye", "rightEar", "leftEar"],
].map((name) => POINTS.indexOf(name));
const OPENPOSE_25 = jointSets["openpose-25"].points;
const COCO_17 = jointSets["coco-17"].points;

/**
 * People of one of OpenPose's files: `{"people": [{"pose_keypoints_2d": [x, y, c, ...]}]}`, 25 (BODY_25) or 18 (COCO)
 * keypoints each. Throws FormatError.
 */
export function parseOpenPose(path: string, content: unknown): PersonKeypoints[] {
  const people = isRecord(content) ? content["people"] : undefined;
  if (!Array.isArray(people)) throw new FormatError(path, 'expected OpenPose\'s list "people", found none');
  return people.map((person: unknown, i) => {
    const where = `people[${i}].pose_keypoints_2d`;
    const list = isRecord(person) ? person["pose_keypoints_2d"] : undefined;
    const map = Array.isArray(list) && list.length === 54 ? OPENPOSE_18 : OPENPOSE_25;
    return { points: flatPoints(path, where, list, map, (c) => c) };
  });
}

/**
 * COCO's keypoints of one video: a data set `{images, annotations, categories?}` or a list of results. The frame is
 * `frame_id` of the image, else the last number in its `file_name`, else the `image_id` itself, all counted from 0. A
 * data set's v above 0 has confidence 1; results' scores are confidences. Throws FormatError.
 */
export function parseCoco(path: string, content: unknown): VideoKeypoints {
  const isList = Array.isArray(content);
  const record = isRecord(content) ? content : {};
  const annotations: unknown = isList ? content : record["annotations"];
  if (!Array.isArray(annotations)) throw new FormatError(path, 'expected COCO\'s list "annotations", found none');
  const images = new Map(
    (Array.isArray(record["images"]) ? record["images"] : []).filter(isRecord).map((image) => [image["id"], image]),
  );
  const map = cocoJoints(path, record["categories"]);
  const found: VideoKeypoints = new Map();
  annotations.forEach((entry: unknown, i) => {
    const where = `${isList ? "" : "annotations"}[${i}]`;
    if (!isRecord(entry)) throw new FormatError(path, `expected ${where} to be a record, got ${showValue(entry)}`);
    const list = entry["keypoints"];
    if (list === undefined || entry["num_keypoints"] === 0) return;
    const image = images.get(entry["image_id"]);
    const frame = image ? cocoFrame(image) : frameNumber(entry["image_id"]);
    if (frame === undefined)
      throw new FormatError(
        path,
        `expected ${where} to name a frame (frame_id, a number in file_name, or image_id), got ${showValue(entry["image_id"])}`,
      );
    const score = isList ? (c: number) => c : (v: number) => (v > 0 ? 1 : 0);
    addPerson(found, frame, { points: flatPoints(path, `${where}.keypoints`, list, map, score) });
  });
  return found;
}

/**
 * MotionCue's own: `{"format": "motioncue-keypoints", "joints": [name, ...], "tracks": [{"id", "frames": [{"index",
 * "points": [[x, y, confidence] or null, ...]}]}]}`; a track without id is matched by place. Joint names are those of
 * SMPL-54 (`leftKnee`, as well `left-knee` and `left_knee`); others are passed over. Throws FormatError.
 */
export function parseOwnKeypoints(path: string, content: Record<string, unknown>): VideoKeypoints {
  const { joints, tracks } = content;
  if (!Array.isArray(joints) || !joints.every((name) => typeof name === "string"))
    throw new FormatError(path, `expected a list "joints" of names, got ${showValue(joints)}`);
  const map = (joints as string[]).map(pointOf);
  if (map.every((point) => point < 0))
    throw new FormatError(path, `expected joints that a body has (${POINTS.slice(0, 8).join(", ")} ...), got none`);
  if (!Array.isArray(tracks)) throw new FormatError(path, `expected a list "tracks", got ${showValue(tracks)}`);
  const found: VideoKeypoints = new Map();
  tracks.forEach((track: unknown, t) => {
    const frames = isRecord(track) ? track["frames"] : undefined;
    if (!isRecord(track) || !Array.isArray(frames))
      throw new FormatError(path, `expected tracks[${t}] to hold a list "frames"`);
    const id = track["id"];
    if (id !== undefined && !Number.isInteger(id))
      throw new FormatError(path, `expected tracks[${t}].id to be an integer, got ${showValue(id)}`);
    frames.forEach((frame: unknown, f) => {
      const where = `tracks[${t}].frames[${f}]`;
      const { index, points } = isRecord(frame) ? frame : {};
      if (!isFrame(index))
        throw new FormatError(path, `expected ${where}.index to count frames from 0, got ${showValue(index)}`);
      if (!Array.isArray(points) || points.length !== map.length)
        throw new FormatError(path, `expected ${where}.points to hold ${map.length} entries, one per joint`);
      const flat = points.flatMap((point: unknown) => (point === null ? [0, 0, 0] : point));
      const person = flatPoints(path, `${where}.points`, flat, map, (c) => c);
      addPerson(found, index, { points: person, ...(id === undefined ? {} : { track: id as number }) });
    });
  });
  return found;
}

/** The point of SMPL-54 with this name, -1 for none. */
function pointOf(name: string): number {
  return POINTS.indexOf(name.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase()));
}

function cocoJoints(path: string, categories: unknown): readonly number[] {
  const named = (Array.isArray(categories) ? categories : [])
    .filter(isRecord)
    .find((category) => Array.isArray(category["keypoints"]));
  if (!named) return COCO_17;
  const map = (named["keypoints"] as unknown[]).map((name) => pointOf(String(name)));
  if (map.every((point) => point < 0))
    throw new FormatError(path, "expected a category whose keypoints a body has, got none of them");
  return map;
}

function cocoFrame(image: Record<string, unknown>): number | undefined {
  if (image["frame_id"] !== undefined) return frameNumber(image["frame_id"]);
  return frameNumber(image["file_name"]) ?? frameNumber(image["id"]);
}

/** A frame index, or the last number in a file's name without its ending. */
function frameNumber(value: unknown): number | undefined {
  if (isFrame(value)) return value;
  if (typeof value !== "string") return undefined;
  const digits = /(\d+)\D*$/.exec(value.replace(/\.[a-z]\w*$/i, ""))?.[1];
  const number = Number(digits ?? Number.NaN);
  return isFrame(number) ? number : undefined;
}

/** [54*3] from a flat list x, y, c of as many points as `map` has numbers (below 0: passed over). */
function flatPoints(
  path: string,
  where: string,
  list: unknown,
  map: readonly number[],
  confidence: (c: number) => number,
): Float32Array {
  if (!Array.isArray(list) || list.length !== 3 * map.length) {
    const got = Array.isArray(list) ? `${list.length}` : showText(showValue(list));
    throw new FormatError(path, `expected ${where} to hold ${3 * map.length} numbers, got ${got}`);
  }
  const bad = list.findIndex((x) => typeof x !== "number" || !Number.isFinite(x));
  if (bad >= 0) throw new FormatError(path, `expected ${where} to hold finite numbers, got ${showValue(list[bad])}`);
  const points = new Float32Array(3 * POINTS.length);
  map.forEach((point, i) => {
    const [x, y, c] = list.slice(3 * i, 3 * i + 3) as [number, number, number];
    if (point >= 0) points.set([x, y, Math.min(1, Math.max(0, confidence(c)))], 3 * point);
  });
  return points;
}

function addPerson(found: VideoKeypoints, frame: number, person: PersonKeypoints): void {
  const people = found.get(frame);
  if (people) people.push(person);
  else found.set(frame, [person]);
}

function isFrame(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST_FRAME;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
