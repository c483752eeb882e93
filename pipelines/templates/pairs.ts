/** @file Pairs to train a template estimator on: a picture, and one to take appearance and background from. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { Random } from "../../src/random.ts";
import type { TemplateBatch } from "../../templates/estimator.ts";
import { hideCells, mirrorImages, REFERENCE_MASK } from "../../templates/references.ts";
import type { ClipStore, CropRecord } from "../clips/store.ts";
import type { Footage } from "./footage.ts";

/** Where a crop is. */
export interface CropPlace {
  readonly store: ClipStore;
  readonly clip: number;
  readonly crop: number;
}

/** What a video's references are: see TemplateTraining. */
export type ReferenceKind = "frame" | "masked";

/** The crops of a video that may be drawn; those of one group show one background. */
interface PairGroup {
  readonly reference: ReferenceKind;
  /** How many pictures the groups before it hold. */
  readonly first: number;
  readonly places: readonly CropPlace[];
  /** What is behind them, where that is known. */
  readonly background?: CropPlace;
}

/** All that pairs are drawn from. */
export interface PairSource {
  readonly groups: readonly PairGroup[];
  /** Pictures that can be drawn. */
  readonly count: number;
}

/** One pair that was drawn. */
export interface DrawnPair {
  readonly image: CropPlace;
  /** The picture itself where most of it is to be hidden. */
  readonly reference: CropPlace;
  readonly isMasked: boolean;
  readonly isMirrored: boolean;
  /** The picture itself where it is not known: nothing stands out from it then. */
  readonly background: CropPlace;
}

/**
 * Pictures grouped for drawing. `references`: `frame` pairs frames of one window; `masked` takes each picture for itself;
 * `auto` does the first where the camera stands still and the second elsewhere. A window of one frame is no pair.
 */
export function pairSource(footage: readonly Footage[], references: ReferenceKind | "auto"): PairSource {
  const groups = footage.flatMap(({ store, isStill, backgrounds }) => {
    const reference = references === "auto" ? (isStill ? "frame" : "masked") : references;
    return store.index.clips.flatMap(({ crops }, clip) => {
      const behind = backgrounds ? windowsOf(backgrounds.index.clips[clip]!.crops) : undefined;
      return [...windowsOf(crops)].map(([square, members]) => {
        const [crop] = behind?.get(square) ?? [];
        return {
          reference,
          places: members.map((crop) => ({ store, clip, crop })),
          ...(backgrounds && crop !== undefined ? { background: { store: backgrounds, clip, crop } } : {}),
        };
      });
    });
  });
  const usable = groups.filter(({ reference, places }) => reference === "masked" || places.length > 1);
  let count = 0;
  const placed = usable.map((group) => {
    const first = count;
    count += group.places.length;
    return { ...group, first };
  });
  return { groups: placed, count };
}

/** `count` pairs; each picture has the same chance, and so has each other frame of its window as its reference. */
export function drawPairs(
  { groups, count: total }: PairSource,
  count: number,
  mirrored: boolean,
  random: Random,
): DrawnPair[] {
  return Array.from({ length: count }, () => {
    const drawn = random.integer(total);
    const { places, reference, first, background } = groups.findLast((group) => group.first <= drawn)!;
    const at = drawn - first;
    const image = places[at]!;
    const isMasked = reference === "masked";
    const other = isMasked ? at : (at + 1 + random.integer(places.length - 1)) % places.length;
    const isMirrored = mirrored && random.next() < 0.5;
    return { image, reference: places[other]!, isMasked, isMirrored, background: background ?? image };
  });
}

/** The pixels of pairs: bytes [B,S,S,3] of pictures, references and backgrounds, nothing hidden or mirrored yet. */
export interface PairPixels {
  readonly pairs: readonly DrawnPair[];
  readonly size: number;
  readonly images: Uint8Array;
  readonly references: Uint8Array;
  readonly backgrounds?: Uint8Array;
}

/** Reads pairs from their stores; backgrounds only where any are known. */
export async function readPairs(pairs: readonly DrawnPair[]): Promise<PairPixels> {
  const { cropSize } = pairs[0]!.image.store.index;
  return {
    pairs,
    size: cropSize,
    images: await readCrops(pairs.map(({ image }) => image)),
    references: await readCrops(pairs.map(({ reference }) => reference)),
    ...(pairs.some(({ background, image }) => background !== image)
      ? { backgrounds: await readCrops(pairs.map(({ background }) => background)) }
      : {}),
  };
}

/** The crops of places, one size all: bytes [B,S,S,3]. */
export async function readCrops(places: readonly CropPlace[]): Promise<Uint8Array> {
  const { cropSize } = places[0]!.store.index;
  const length = cropSize * cropSize * 3;
  const bytes = new Uint8Array(places.length * length);
  await Promise.all(places.map(({ store, clip, crop }, i) => store.readCrop(clip, crop, bytes, i * length)));
  return bytes;
}

/** Bytes [B,S,S,3] as a tensor in 0..1. */
export function toPictures(bytes: Uint8Array, size: number): Tensor4D {
  const values = Float32Array.from(bytes, (byte) => byte / 255);
  return tf.tensor4d(values, [bytes.length / (3 * size * size), size, size, 3]);
}

/**
 * The batch that an estimator learns from: mirrored, and references hidden, as drawn; the colours of each pair's pictures
 * all changed alike, by shares of at most `jitter`. The caller disposes its tensors.
 */
export function trainingBatch(
  { pairs, size, images, references, backgrounds }: PairPixels,
  random: Random,
  jitter = 0,
): TemplateBatch & tf.TensorContainerObject {
  const mirrored = pairs.map(({ isMirrored }) => isMirrored);
  const masked = pairs.map(({ isMasked }) => isMasked);
  const turned = (pictures: Tensor4D) =>
    mirrored.includes(true) ? choose(mirrored, mirrorImages(pictures), pictures) : pictures;
  return tf.tidy(() => {
    const tinted = colourChange(pairs.length, jitter, random);
    const shown = tinted(toPictures(references, size));
    const seen = masked.includes(true) ? choose(masked, hideCells(shown, random, REFERENCE_MASK), shown) : shown;
    return {
      images: turned(tinted(toPictures(images, size))),
      references: turned(seen),
      ...(backgrounds ? { backgrounds: turned(tinted(toPictures(backgrounds, size))) } : {}),
    };
  });
}

/** Multiplies each colour of each of `count` pictures by 1 +- jitter, and adds +- jitter / 2 to all; call it in a tidy. */
function colourChange(count: number, jitter: number, random: Random): (pictures: Tensor4D) => Tensor4D {
  if (jitter === 0) return (pictures) => pictures;
  const drawn = (each: number, most: number, middle: number) =>
    tf.tensor4d(
      Float32Array.from({ length: count * each }, () => middle + random.uniform(-most, most)),
      [count, 1, 1, each],
    );
  const gain = drawn(3, jitter, 1);
  const offset = drawn(1, jitter / 2, 0);
  return (pictures) => tf.clipByValue(tf.add(tf.mul(pictures, gain), offset), 0, 1) as Tensor4D;
}

/** Where a pair comes from, for messages. */
export function pairText({ image, reference, isMasked }: DrawnPair): string {
  const { video, clips } = image.store.index;
  const { track, crops } = clips[image.clip]!;
  const other = isMasked ? "" : ` with frame ${crops[reference.crop]!.frame}`;
  return `${video} track ${track} frame ${crops[image.crop]!.frame}${other}`;
}

/** Rows of `yes` where `which` is true, rows of `no` elsewhere. */
function choose(which: readonly boolean[], yes: Tensor4D, no: Tensor4D): Tensor4D {
  const mask = tf.tensor4d(which.map(Number), [which.length, 1, 1, 1]);
  return tf.add(tf.mul(yes, mask), tf.mul(no, tf.sub(1, mask))) as Tensor4D;
}

/** Numbers of crops by their square. */
function windowsOf(crops: readonly CropRecord[]): Map<string, number[]> {
  const windows = new Map<string, number[]>();
  for (const [i, { cx, cy, side }] of crops.entries()) {
    const key = `${cx} ${cy} ${side}`;
    const members = windows.get(key);
    if (members) members.push(i);
    else windows.set(key, [i]);
  }
  return windows;
}
