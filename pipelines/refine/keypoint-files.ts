/** @file Finding and reading a video's keypoints under `--keypoints`: one file, a folder of them, or OpenPose's folder. */
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { FormatError, OptionError } from "../../src/errors.ts";
import { fileDigest } from "../run/content-key.ts";
import { parseCoco, parseOpenPose, parseOwnKeypoints, type VideoKeypoints } from "./keypoint-formats.ts";

const MOST_BYTES = 512 * 2 ** 20;
const FORMAT = "motioncue-keypoints";

/** A video's keypoints and digests of the files they came from. */
export interface FoundKeypoints {
  readonly people: VideoKeypoints;
  readonly digests: readonly string[];
}

/**
 * The keypoints of `video` (a path). `choice` is a JSON file, or a folder in which `NAME.keypoints.json` or OpenPose's
 * `NAME_000000000012_keypoints.json`, there or below `NAME/`, are looked for, NAME being the video's. Undefined where a
 * folder has none for it. Throws OptionError where `choice` does not exist, FormatError for what cannot be read.
 */
export async function readKeypoints(choice: string, video: string): Promise<FoundKeypoints | undefined> {
  const info = await stat(choice).catch(() => undefined);
  if (!info) throw new OptionError("--keypoints", `expected a file or a folder, found nothing at "${choice}"`);
  const name = basename(video, extname(video));
  if (!info.isDirectory()) return readOne(choice, name);
  const own = join(choice, `${name}.keypoints.json`);
  if ((await stat(own).catch(() => undefined))?.isFile()) return readOne(own, name);
  return (await readOpenPose(choice, name)) ?? readOpenPose(join(choice, name), name);
}

async function readOne(path: string, name: string): Promise<FoundKeypoints> {
  const content = await readJson(path);
  const digests = [await fileDigest(path)];
  if (!isOwn(content)) return { people: parseCoco(path, content), digests };
  const video = content["video"];
  if (typeof video === "string" && basename(video, extname(video)) !== name)
    throw new FormatError(path, `expected the keypoints of ${name}, got those of ${basename(video)}`);
  return { people: parseOwnKeypoints(path, content), digests };
}

/** The frames of one video in a folder of OpenPose's. */
async function readOpenPose(folder: string, name: string): Promise<FoundKeypoints | undefined> {
  const files = (await readdir(folder).catch(() => [])).flatMap((file) => {
    const [, video, digits] = /^(.*)_(\d{1,12})_keypoints\.json$/.exec(file) ?? [];
    return video === name ? [{ path: join(folder, file), frame: Number(digits) }] : [];
  });
  if (files.length === 0) return undefined;
  const people: VideoKeypoints = new Map();
  const digests: string[] = [];
  for (const { path, frame } of files.sort((a, b) => a.frame - b.frame)) {
    people.set(frame, parseOpenPose(path, await readJson(path)));
    digests.push(await fileDigest(path));
  }
  return { people, digests };
}

async function readJson(path: string): Promise<unknown> {
  const { size } = await stat(path);
  if (size > MOST_BYTES) throw new FormatError(path, `expected keypoints of at most ${MOST_BYTES} bytes, got ${size}`);
  try {
    return JSON.parse(await readFile(path, "utf8")) as unknown;
  } catch {
    throw new FormatError(path, "expected keypoints as JSON, got something else");
  }
}

function isOwn(content: unknown): content is Record<string, unknown> {
  return typeof content === "object" && content !== null && "format" in content && content.format === FORMAT;
}
