/** @file Labelled data sets in SPIN's format: one .npz with any subset of its fields, and a folder of images. */
import { stat } from "node:fs/promises";
import { isAbsolute, join, normalize, sep } from "node:path";
import { FormatError, OptionError } from "../src/errors.ts";
import type { CropSquare } from "../src/image/box.ts";
import { cropSquare } from "../src/image/crop.ts";
import { readImage } from "../src/image/read-image.ts";
import { toFloat32 } from "../src/io/host-tensor.ts";
import type { NpyArray } from "../src/io/npy.ts";
import { numbersOf, readNpz, textsOf } from "../src/io/npz.ts";
import { createRandom } from "../src/random.ts";
import { GT_24_TO_SMPL, OPENPOSE_25_TO_SMPL, toSmplJoints } from "./joint-sets.ts";
import type { LabelledSource } from "./labelled-anchor.ts";
import { predictLabelled } from "./labelled-batch.ts";
import {
  drawAugmentation,
  type LabelledCrop,
  type LabelledPerson,
  labelledCrop,
  NO_AUGMENTATION,
  type PersonLabels,
} from "./labelled-crop.ts";

/** A labelled data set: labels in memory, pictures read when asked for. */
export interface LabelledDataset {
  readonly path: string;
  readonly count: number;
  /** Labels of entry `index`, in pixels of its picture. */
  labels(index: number): PersonLabels;
  /** Path of the picture of entry `index`. */
  imagePath(index: number): string;
  /** The person of entry `index` in a square picture WIDE_FIELD times the labelled square, `side` x `side`. */
  wide(index: number, side: number): Promise<LabelledPerson>;
}

/** Side of a stored square over the square a regressor sees: room for turning, shifting and enlarging. */
export const WIDE_FIELD = 1.3;

/** More entries than any published data set has. */
const MAX_ENTRIES = 2_000_000;
/** SPIN's `scale` is the side of the person's box in units of 200 px. */
const SCALE_UNIT = 200;
const KEYS = ["imgname", "center", "scale", "pose", "shape", "has_smpl", "S", "part", "openpose"];

/**
 * Opens a data set. Needed are imgname [N], center [N,2], scale [N] and at least one of pose [N,72] (with shape [N,10] if
 * there is one, and has_smpl [N] saying which count), S [N,24,4], part [N,24,3], openpose [N,25,3]. Own files of ours add
 * joints3d [N,24,4] and joints2d [N,24,3] of SMPL's joints, which are preferred. Throws FormatError naming file and field.
 */
export async function openLabelledDataset(path: string, images: string): Promise<LabelledDataset> {
  const folder = await stat(images).catch(() => undefined);
  if (!folder?.isDirectory()) throw new OptionError("--images", `expected a folder of images, got ${images}`);
  const arrays = await readNpz(path, { keys: [...KEYS, "joints3d", "joints2d"] });
  const names = textsOf(arrays, "imgname", path).data;
  const count = names.length;
  if (count === 0 || count > MAX_ENTRIES)
    throw new FormatError(path, `imgname must have 1 to ${MAX_ENTRIES} entries, got ${count}`);
  const fields = readFields(arrays, path, count);
  const bad = names.findIndex((name) => !isInside(name));
  if (bad >= 0)
    throw new FormatError(path, `imgname ${bad} must lie inside --images, got ${JSON.stringify(names[bad])}`);

  const imagePath = (index: number) => join(images, names[index]!);
  const labels = (index: number) => labelsOf(fields, index);
  return {
    path,
    count,
    labels,
    imagePath,
    wide: async (index, side) => widePerson(await readImage(imagePath(index)), labels(index), side),
  };
}

interface Fields {
  readonly center: Float32Array;
  readonly scale: Float32Array;
  readonly pose?: Float32Array;
  readonly shape?: Float32Array;
  readonly hasSmpl?: Float32Array;
  /** [N*K*4 or 3] of another joint set, and its map; in order of preference. */
  readonly joints3d: readonly JointField[];
  readonly joints2d: readonly JointField[];
}

interface JointField {
  readonly values: Float32Array;
  readonly map: readonly number[];
}

function readFields(arrays: ReadonlyMap<string, NpyArray>, path: string, count: number): Fields {
  const needed = (key: string, shape: readonly number[]): Float32Array => {
    const values = toFloat32(numbersOf(arrays, key, path, shape));
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) throw new FormatError(path, `${key} must be finite, got ${values[at]} at index ${at}`);
    return values;
  };
  const optional = (key: string, shape: readonly number[]) => (arrays.has(key) ? needed(key, shape) : undefined);
  const joints = (key: string, map: readonly number[], width: number): JointField[] => {
    const values = optional(key, [count, map.length, width]);
    return values ? [{ values, map }] : [];
  };
  const own = Array.from({ length: 24 }, (_, i) => i);
  const pose = optional("pose", [count, 72]);
  const shape = optional("shape", [count, 10]);
  const hasSmpl = arrays.has("has_smpl") ? needed("has_smpl", [count]) : undefined;
  const fields: Fields = {
    center: needed("center", [count, 2]),
    scale: needed("scale", [count]),
    ...(pose ? { pose } : {}),
    ...(shape ? { shape } : {}),
    ...(hasSmpl ? { hasSmpl } : {}),
    joints3d: [...joints("joints3d", own, 4), ...joints("S", GT_24_TO_SMPL, 4)],
    joints2d: [
      ...joints("joints2d", own, 3),
      ...joints("part", GT_24_TO_SMPL, 3),
      ...joints("openpose", OPENPOSE_25_TO_SMPL, 3),
    ],
  };
  if (!pose && fields.joints3d.length === 0 && fields.joints2d.length === 0)
    throw new FormatError(
      path,
      `expected at least one of pose, S, part, openpose, got ${[...arrays.keys()].join(", ")}`,
    );
  const flat = fields.scale.findIndex((scale) => !(scale > 0));
  if (flat >= 0) throw new FormatError(path, `scale must be positive, got ${fields.scale[flat]} at index ${flat}`);
  return fields;
}

function labelsOf({ center, scale, pose, shape, hasSmpl, joints3d, joints2d }: Fields, i: number): PersonLabels {
  const side = SCALE_UNIT * scale[i]!;
  const known = pose && (!hasSmpl || hasSmpl[i]! > 0);
  return {
    square: { cx: center[2 * i]!, cy: center[2 * i + 1]!, side },
    ...(known ? { pose: pose.subarray(72 * i, 72 * i + 72) } : {}),
    ...(known && shape ? { betas: shape.subarray(10 * i, 10 * i + 10) } : {}),
    ...(joints3d.length > 0 ? { joints3d: mergedJoints(joints3d, 4, i) } : {}),
    ...(joints2d.length > 0 ? { joints2d: mergedJoints(joints2d, 3, i) } : {}),
  };
}

function mergedJoints(fields: readonly JointField[], width: number, index: number): Float32Array {
  const out = new Float32Array(24 * width);
  for (const { values, map } of fields) {
    const length = map.length * width;
    const before = out.slice();
    toSmplJoints(values.subarray(index * length, (index + 1) * length), map, width, out);
    // A joint that an earlier field knows is left as it was.
    for (let j = 0; j < 24; j++) {
      if (before[width * j + width - 1]! > 0) out.set(before.subarray(width * j, width * (j + 1)), width * j);
    }
  }
  return out;
}

function widePerson(image: Awaited<ReturnType<typeof readImage>>, labels: PersonLabels, side: number): LabelledPerson {
  const field: CropSquare = { ...labels.square, side: WIDE_FIELD * labels.square.side };
  const scale = side / field.side;
  const middle = (side - 1) / 2;
  const { joints2d } = labels;
  const moved = joints2d?.map((value, i) =>
    i % 3 === 2 ? value : (value - (i % 3 === 0 ? field.cx : field.cy)) * scale + middle,
  );
  return {
    image: cropSquare(image, field, side),
    labels: {
      ...labels,
      square: { cx: middle, cy: middle, side: side / WIDE_FIELD },
      ...(moved ? { joints2d: moved } : {}),
    },
  };
}

/** Whether a name from a file stays below the folder it is looked for in. */
function isInside(name: string): boolean {
  const path = normalize(name);
  return name !== "" && !name.includes("\0") && !isAbsolute(path) && path !== ".." && !path.startsWith(`..${sep}`);
}

/** What is kept of the pictures that were read, bytes. */
const CACHE_BYTES = 256 * 2 ** 20;

/** Crops of a data set by entry and augmentation; the pictures read last are kept, up to 256 MB. */
export function createCropLoader(
  dataset: LabelledDataset,
  cropSize: number,
): (index: number, augmentation?: Parameters<typeof labelledCrop>[2]) => Promise<LabelledCrop> {
  const side = Math.round(WIDE_FIELD * cropSize);
  const kept = new Map<number, LabelledPerson>();
  const most = Math.max(1, Math.floor(CACHE_BYTES / (side * side * 3)));
  return async (index, augmentation = NO_AUGMENTATION) => {
    const person = kept.get(index) ?? (await dataset.wide(index, side));
    kept.delete(index);
    kept.set(index, person);
    if (kept.size > most) kept.delete(kept.keys().next().value!);
    return labelledCrop(person, cropSize, augmentation);
  };
}

/** Batches for the labelled anchor: entries and augmentations (of strength `augment`) drawn by (seed, step). */
export function labelledSource(dataset: LabelledDataset, cropSize: number, augment = 1): LabelledSource {
  const load = createCropLoader(dataset, cropSize);
  return {
    load: async (seed, step, count) => {
      const random = createRandom(seed, "labelled", step);
      const draws = Array.from({ length: count }, () => ({
        index: random.integer(dataset.count),
        augmentation: drawAugmentation(random, augment),
      }));
      const crops = await Promise.all(draws.map(({ index, augmentation }) => load(index, augmentation)));
      return { predict: (models) => predictLabelled(models, crops) };
    },
  };
}
