/** @file Crops and flow of the people in one video, on disk: raw files read at random offsets, so that memory does not grow. */
import type { FileHandle } from "node:fs/promises";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { MotionCueError } from "../../src/errors.ts";
import { halfToFloats } from "../../src/io/half.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";

const VERSION = 2;
const INDEX = "index.json";

/** One cropped frame: its number and time (seconds) in the video, and the square it was cut from, in the video's pixels. */
export interface CropRecord {
  readonly frame: number;
  readonly time: number;
  readonly cx: number;
  readonly cy: number;
  readonly side: number;
}

/** One person's crops, and the pairs of them that are neighbours in time, each as two places in `crops`. */
export interface ClipRecord {
  readonly track: number;
  readonly crops: readonly CropRecord[];
  readonly pairs: readonly (readonly [number, number])[];
}

/** What a video's folder in the cache holds. */
export interface StoreIndex {
  /** The video's path when the folder was made, for messages, and the size of its frames. */
  readonly video: string;
  readonly width: number;
  readonly height: number;
  /** Side of the crops the regressor sees. */
  readonly cropSize: number;
  /** Side of the crops that flow was computed on; flow is in pixels of these. */
  readonly flowSize: number;
  readonly clips: readonly ClipRecord[];
}

/** The finished store of one video. */
export interface ClipStore {
  /** The folder's name, which stands for its content. */
  readonly key: string;
  readonly index: StoreIndex;
  /** Reads crop number `crop` of clip `clip`: RGB bytes [cropSize, cropSize, 3] into `into` at `offset`. */
  readCrop(clip: number, crop: number, into: Uint8Array, offset: number): Promise<void>;
  /** Both flows of pair number `pair` of clip `clip`, each [flowSize, flowSize, 2]: to the second frame, and back. */
  readFlow(clip: number, pair: number): Promise<{ readonly forward: Float32Array; readonly backward: Float32Array }>;
}

/** A store that is being made. `finish` makes it visible under its name; without it `discard` leaves nothing behind. */
export interface ClipStoreWriter {
  /** Adds a crop of clip `clip`; returns its number. */
  addCrop(clip: number, record: CropRecord, pixels: Uint8Array): Promise<number>;
  /** Adds the pair of two crops with its flows in half precision (`[flowSize, flowSize, 2]` each); returns its number. */
  addPair(clip: number, crops: readonly [number, number], forward: Uint16Array, backward: Uint16Array): Promise<number>;
  /** Closes the files, keeps the pairs that `keep` accepts, and renames the folder into place. */
  finish(keep: (first: CropRecord, second: CropRecord) => boolean): Promise<ClipStore>;
  discard(): Promise<void>;
}

/** Bytes of one crop. */
function cropBytes(index: Pick<StoreIndex, "cropSize">): number {
  return index.cropSize * index.cropSize * 3;
}

/** Bytes of one pair's flows, both directions, two bytes a number. */
function flowBytes(index: Pick<StoreIndex, "flowSize">): number {
  return index.flowSize * index.flowSize * 2 * 2 * 2;
}

/** This process's unfinished folders: with the number of a process that was killed, another run's may look alike. */
const beingMade = new Set<string>();

const cropsFile = (folder: string, clip: number) => join(folder, `${clip}.crops`);
const flowsFile = (folder: string, clip: number) => join(folder, `${clip}.flows`);

/** The store in `folder`, or undefined where there is none that is whole (a stale one of another version counts as none). */
export async function openClipStore(folder: string): Promise<ClipStore | undefined> {
  let stored: { version?: unknown; index: StoreIndex; places: number[][] };
  try {
    stored = JSON.parse(await readFile(join(folder, INDEX), "utf8")) as typeof stored;
  } catch {
    return undefined;
  }
  if (stored.version !== VERSION) return undefined;
  const { index, places } = stored;
  for (const [i, clip] of index.clips.entries()) {
    const crops = await sizeOf(cropsFile(folder, i));
    const flows = await sizeOf(flowsFile(folder, i));
    const lastPlace = places[i]!.reduce((most, place) => Math.max(most, place + 1), 0);
    if (crops < clip.crops.length * cropBytes(index) || flows < lastPlace * flowBytes(index)) return undefined;
  }
  return {
    key: basename(folder),
    index,
    async readCrop(clip, crop, into, offset) {
      const length = cropBytes(index);
      await readAt(cropsFile(folder, clip), crop * length, into.subarray(offset, offset + length));
    },
    async readFlow(clip, pair) {
      const bytes = new Uint8Array(flowBytes(index));
      await readAt(flowsFile(folder, clip), places[clip]![pair]! * bytes.length, bytes);
      const halves = new Uint16Array(bytes.buffer);
      const middle = halves.length / 2;
      return { forward: halfToFloats(halves.subarray(0, middle)), backward: halfToFloats(halves.subarray(middle)) };
    },
  };
}

/** Begins a store that will appear as `folder`. Files lie in a folder of this process beside it until then. */
export async function createClipStore(
  folder: string,
  info: Omit<StoreIndex, "clips">,
  tracks: readonly number[],
): Promise<ClipStoreWriter> {
  const partial = `${folder}.partial-${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  beingMade.add(partial);
  const clips = tracks.map((track) => ({ track, crops: [] as CropRecord[], pairs: [] as [number, number][] }));
  const handles: { crops: FileHandle; flows: FileHandle }[] = [];
  for (const i of tracks.keys()) {
    handles.push({ crops: await open(cropsFile(partial, i), "w"), flows: await open(flowsFile(partial, i), "w") });
  }
  const close = async () => {
    beingMade.delete(partial);
    for (const { crops, flows } of handles.splice(0)) await Promise.all([crops.close(), flows.close()]);
  };
  return {
    async addCrop(clip, record, pixels) {
      const place = clips[clip]!.crops.push(record) - 1;
      await writeAt(handles[clip]!.crops, pixels, place * cropBytes(info));
      return place;
    },
    async addPair(clip, crops, forward, backward) {
      const place = clips[clip]!.pairs.push([crops[0], crops[1]]) - 1;
      const half = flowBytes(info) / 2;
      await writeAt(handles[clip]!.flows, bytesOf(forward), place * 2 * half);
      await writeAt(handles[clip]!.flows, bytesOf(backward), place * 2 * half + half);
      return place;
    },
    async finish(keep) {
      for (const { crops, flows } of handles) await Promise.all([crops.sync(), flows.sync()]);
      await close();
      const places = clips.map((clip) =>
        clip.pairs.flatMap(([a, b], place) => (keep(clip.crops[a]!, clip.crops[b]!) ? [place] : [])),
      );
      const kept = clips.map((clip, i) => ({ ...clip, pairs: places[i]!.map((place) => clip.pairs[place]!) }));
      const index: StoreIndex = { ...info, clips: kept };
      await writeFileAtomic(join(partial, INDEX), JSON.stringify({ version: VERSION, index, places }));
      const store = await putInPlace(partial, folder);
      if (!store) throw new MotionCueError(folder, "the cache cannot be read back; is the disk full?");
      return store;
    },
    async discard() {
      await close();
      await rm(partial, { recursive: true, force: true });
    },
  };
}

/** Gives a whole store its name. One that another process finished meanwhile is as good and may be in use: it stays. */
async function putInPlace(partial: string, folder: string): Promise<ClipStore | undefined> {
  const isFree = await rename(partial, folder).then(
    () => true,
    () => false,
  );
  const there = await openClipStore(folder);
  if (isFree || there) {
    await rm(partial, { recursive: true, force: true });
    return there;
  }
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
  return openClipStore(folder);
}

function bytesOf(halves: Uint16Array): Uint8Array {
  return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** Opened per read: some hundred tracks would exhaust the handles of a process, and opening costs microseconds. */
async function readAt(path: string, position: number, into: Uint8Array): Promise<void> {
  const handle = await open(path, "r");
  try {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
      if (bytesRead === 0) throw new MotionCueError(path, "the cache ends too early; delete its folder and run again");
      done += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? -1;
}

/** Removes what killed processes left unfinished in the cache folder. Call it before the first store is begun. */
export async function removeUnfinished(cache: string): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    const owner = /\.partial-(\d+)$/.exec(name)?.[1];
    const isLost = Number(owner) === process.pid ? !beingMade.has(join(cache, name)) : !isRunning(Number(owner));
    if (owner !== undefined && isLost) {
      await rm(join(cache, name), { recursive: true, force: true });
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
