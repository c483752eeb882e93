/** @file Labelled data sets: a file of labels in one of the published formats, and a folder of images. */
import { stat } from "node:fs/promises";
import { extname, isAbsolute, join, normalize, sep } from "node:path";
import { FormatError, OptionError } from "../../src/errors.ts";
import type { CropSquare } from "../../src/image/box.ts";
import { cropSquare } from "../../src/image/crop.ts";
import { readImage } from "../../src/image/read-image.ts";
import { summarizeNpz } from "../../src/io/npz.ts";
import type { LabelledPerson, PersonLabels } from "./crop.ts";
import { readEftFile } from "./eft-file.ts";
import { type LabelFields, labelsOfRow } from "./label-fields.ts";
import { readSpinFile } from "./spin-file.ts";
import { readVibeFile } from "./vibe-file.ts";

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

/** What VIBE's databases are as they come: pickles. */
const JOBLIB = [".pt", ".pkl", ".pickle", ".joblib"];

/**
 * Opens a data set: SPIN's .npz (imgname), a VIBE database saved as .npz (img_name), or EFT's .json; see readSpinFile,
 * readVibeFile, readEftFile for their fields. Pictures are looked for below the folder `images`: names that begin with
 * folders of the machine they were made on are cut until the first one is found. With `first` the data set is its first so
 * many people. Throws FormatError naming file and field, OptionError for `images` and where there are fewer people.
 */
export async function openLabelledDataset(path: string, images: string, first?: number): Promise<LabelledDataset> {
  const folder = await stat(images).catch(() => undefined);
  if (!folder?.isDirectory()) throw new OptionError("--images", `expected a folder of images, got ${images}`);
  const fields = await readLabels(path);
  const names = await namesBelow(images, fields, path);
  const count = first ?? names.length;
  if (count > names.length)
    throw new OptionError("--labelled-count", `expected at most the ${names.length} people of ${path}, got ${count}`);
  const imagePath = (index: number) => join(images, names[index]!);
  const labels = (index: number) => labelsOfRow(fields, index);
  return {
    path,
    count,
    labels,
    imagePath,
    wide: async (index, side) => widePerson(await readImage(imagePath(index)), labels(index), side),
  };
}

async function readLabels(path: string): Promise<LabelFields> {
  const extension = extname(path).toLowerCase();
  if (extension === ".json") return readEftFile(path);
  if (JOBLIB.includes(extension))
    throw new FormatError(
      path,
      `expected labels as .npz or .json; in Python: numpy.savez("db.npz", **joblib.load(FILE))`,
    );
  const keys = await summarizeNpz(path);
  return keys.has("img_name") && !keys.has("imgname") ? readVibeFile(path) : readSpinFile(path);
}

/**
 * The names with so many leading folders cut that the first picture is found below `images`; uncut where none is. Throws
 * FormatError for a name that would then lie outside.
 */
async function namesBelow(images: string, { names, nameField }: LabelFields, path: string): Promise<readonly string[]> {
  const parts = (name: string) => name.split(/[/\\]/);
  const first = parts(names[0]!);
  let cut = 0;
  while (cut < first.length && !(await isFile(images, first.slice(cut).join("/")))) cut++;
  if (cut === first.length) cut = 0;
  const below = cut === 0 ? names : names.map((name) => parts(name).slice(cut).join("/"));
  const bad = below.findIndex((name) => !isInside(name));
  if (bad >= 0)
    throw new FormatError(
      path,
      `${nameField} ${bad} must lie inside --images, got ${JSON.stringify(names[bad]!.slice(0, 200))}`,
    );
  return below;
}

async function isFile(folder: string, name: string): Promise<boolean> {
  if (!isInside(name)) return false;
  return (await stat(join(folder, name)).catch(() => undefined))?.isFile() ?? false;
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
