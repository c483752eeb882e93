/** @file Keypoint files as a lifter reads them: the joints it knows, person by person and frame by frame. */
import { readFile, stat } from "node:fs/promises";
import { FormatError } from "../../src/errors.ts";
import { showValue } from "../../src/io/show-text.ts";
import { keypointName } from "../templates/keypoint-names.ts";

/** A person's 2D joints. */
export interface TrackPoints {
  readonly id: number | undefined;
  readonly frames: readonly {
    readonly index: number;
    /** [J*3] x, y in pixels and confidence, 0 where unknown. */
    readonly points: Float32Array;
  }[];
}

const MOST_BYTES = 512 * 2 ** 20;
const FORMAT = "motioncue-keypoints";

/**
 * The tracks of a "motioncue-keypoints" file, with the joints `names` of a template in their order: those that the file calls
 * by the names of a person who faces the camera. Throws FormatError for other files and for one that lacks a joint.
 */
export async function readTrackPoints(path: string, names: readonly string[]): Promise<TrackPoints[]> {
  const { size } = await stat(path).catch(() => ({ size: Number.NaN }));
  if (!(size <= MOST_BYTES)) throw new FormatError(path, `expected a keypoint file of at most ${MOST_BYTES} bytes, got ${Number.isNaN(size) ? "nothing" : size}`); // biome-ignore format: one line
  return parseTrackPoints(path, await readFile(path, "utf8"), names);
}

function parseTrackPoints(path: string, text: string, names: readonly string[]): TrackPoints[] {
  const fail = (expected: string, got: unknown): never => {
    throw new FormatError(path, `expected ${expected}, got ${showValue(got)}`);
  };
  const record = (value: unknown, what: string): Readonly<Record<string, unknown>> =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : fail(what, value); // biome-ignore format: one line
  const list = (value: unknown, what: string): readonly unknown[] => (Array.isArray(value) ? value : fail(what, value));
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return fail(`a file in the format "${FORMAT}"`, "no JSON");
  }
  const root = record(content, `a file in the format "${FORMAT}"`);
  if (root["format"] !== FORMAT) fail(`the format "${FORMAT}"`, root["format"]);
  const given = list(root["joints"], 'a list "joints"').map((name) => plain(String(name)));
  const places = names.map((name) => given.indexOf(plain(keypointName(name, "camera"))));
  const lacks = names.filter((_, j) => places[j]! < 0).map((name) => keypointName(name, "camera"));
  if (lacks.length > 0) fail(`joints that the lifter knows (no ${lacks.join(", ")})`, root["joints"]);
  return list(root["tracks"], 'a list "tracks"').map((value, t) => {
    const track = record(value, `tracks[${t}] to be a record`);
    const { id } = track;
    const frames = list(track["frames"], `tracks[${t}].frames`).map((entry, f) => {
      const where = `tracks[${t}].frames[${f}]`;
      const { index, points } = record(entry, where);
      if (!Number.isInteger(index) || (index as number) < 0) fail(`${where}.index to count frames from 0`, index);
      const all = list(points, `${where}.points`);
      if (all.length !== given.length) fail(`${where}.points to hold ${given.length} entries`, all.length);
      const flat = new Float32Array(3 * names.length);
      places.forEach((place, j) => {
        const point = all[place];
        if (point === null) return;
        const isPoint = Array.isArray(point) && point.length === 3 && point.every((x) => Number.isFinite(x));
        flat.set(
          isPoint ? (point as number[]) : fail(`${where}.points[${place}] to be x, y, confidence`, point),
          3 * j,
        );
      });
      return { index: index as number, points: flat };
    });
    return { id: Number.isInteger(id) ? (id as number) : undefined, frames };
  });
}

/** `right-knee`, `rightKnee` and `right_knee` alike. */
function plain(name: string): string {
  return name.replace(/[-_]/g, "").toLowerCase();
}
