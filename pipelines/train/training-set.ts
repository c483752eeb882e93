/** @file Labelled pictures for training, prepared once: wide crops as bytes in one file, augmented crops from memory. */
import { stat } from "node:fs/promises";
import { FormatError } from "../../src/errors.ts";
import { imageFrom } from "../../src/image/image.ts";
import { floatTensor, toFloat32 } from "../../src/io/host-tensor.ts";
import { numbersOf, readNpz, writeNpz } from "../../src/io/npz.ts";
import {
  type Augmentation,
  type LabelledCrop,
  type LabelledPerson,
  labelledCrop,
  type PersonLabels,
} from "../labelled/crop.ts";
import { type LabelledDataset, WIDE_FIELD } from "../labelled/dataset.ts";
import type { Context } from "../run/context.ts";
import { withConfidence } from "../synth/still-files.ts";
import { CROP_SCALE, renderStill, type StillOptions } from "../synth/stills.ts";
import type { World } from "../synth/world.ts";

/** Where labelled people come from, by number. */
export interface PeopleSource {
  readonly count: number;
  /** The person in a square picture of `side` px whose middle is the labelled square, WIDE_FIELD times smaller. */
  person(index: number, side: number): Promise<LabelledPerson>;
}

/** Synthetic people: `count` stills of `seed`. */
export function syntheticPeople(world: World, seed: number, count: number, options: StillOptions = {}): PeopleSource {
  return {
    count,
    person: async (index, side) => {
      const still = renderStill(world, seed, index, side, { ...options, margin: CROP_SCALE * WIDE_FIELD });
      const { pose, betas, square } = still;
      const labels = {
        square,
        pose,
        betas,
        joints3d: withConfidence(still.joints3d, 3),
        joints2d: withConfidence(still.joints2d, 2),
      };
      return { image: still.image, labels };
    },
  };
}

/** The people of a labelled data set. */
export function datasetPeople(dataset: LabelledDataset): PeopleSource {
  return { count: dataset.count, person: (index, side) => dataset.wide(index, side) };
}

/** People in memory. */
export interface TrainingSet {
  readonly count: number;
  /** The crop of person `index` for a network of `cropSize`. */
  crop(index: number, augmentation?: Augmentation): LabelledCrop;
}

/** Widths of the label columns; a column that a person does not have is NaN in its first place. */
const COLUMNS = { square: 3, pose: 72, betas: 10, joints3d: 96, joints2d: 72 } as const;
type Column = keyof typeof COLUMNS;

/**
 * The people of `source` as bytes: read from `path` where an earlier run left them, otherwise drawn or read once and
 * written there. Throws FormatError where the file holds something else.
 */
export async function prepareTrainingSet(
  source: PeopleSource,
  cropSize: number,
  path: string,
  context: Context,
): Promise<TrainingSet> {
  const side = Math.round(WIDE_FIELD * cropSize);
  if (!(await stat(path).catch(() => undefined))) await writeSet(source, side, path, context);
  return readSet(path, source.count, side, cropSize);
}

async function writeSet(source: PeopleSource, side: number, path: string, context: Context): Promise<void> {
  const { count } = source;
  const length = side * side * 3;
  const images = new Uint8Array(count * length);
  const columns = Object.fromEntries(
    Object.entries(COLUMNS).map(([key, width]) => [key, new Float32Array(count * width).fill(Number.NaN)]),
  ) as Record<Column, Float32Array>;
  const progress = context.progress("training pictures", { total: count, unit: "pictures" });
  try {
    for (let i = 0; i < count; i++) {
      context.signal.throwIfAborted();
      const { image, labels } = await source.person(i, side);
      images.set(image.data, i * length);
      const { cx, cy, side: size } = labels.square;
      columns.square.set([cx, cy, size], 3 * i);
      for (const key of ["pose", "betas", "joints3d", "joints2d"] as const) {
        const values = labels[key];
        if (values) columns[key].set(values, COLUMNS[key] * i);
      }
      progress.update(i + 1);
    }
  } finally {
    progress.finish();
  }
  const entries = Object.entries(columns).map(([key, data]) => [
    key,
    floatTensor(data, [count, COLUMNS[key as Column]]),
  ]);
  const stored = { dtype: "uint8" as const, shape: [count, side, side, 3], data: images };
  await writeNpz(path, { images: stored, ...Object.fromEntries(entries) }, { compress: false });
}

async function readSet(path: string, count: number, side: number, cropSize: number): Promise<TrainingSet> {
  const arrays = await readNpz(path);
  const images = numbersOf(arrays, "images", path, [count, side, side, 3]).data;
  if (!(images instanceof Uint8Array)) throw new FormatError(path, "images must be bytes; delete the file");
  const columns = Object.fromEntries(
    Object.entries(COLUMNS).map(([key, width]) => [key, toFloat32(numbersOf(arrays, key, path, [count, width]))]),
  ) as Record<Column, Float32Array>;
  const length = side * side * 3;
  const person = (i: number): LabelledPerson => {
    const at = (key: Column) => columns[key].subarray(COLUMNS[key] * i, COLUMNS[key] * (i + 1));
    const [cx, cy, size] = at("square") as unknown as [number, number, number];
    const known = (["pose", "betas", "joints3d", "joints2d"] as const).flatMap((key) =>
      Number.isNaN(at(key)[0]!) ? [] : [[key, at(key)]],
    );
    const labels: PersonLabels = { square: { cx, cy, side: size }, ...Object.fromEntries(known) };
    return { image: imageFrom(images.subarray(i * length, (i + 1) * length), side, side), labels };
  };
  return { count, crop: (index, augmentation) => labelledCrop(person(index), cropSize, augmentation) };
}
