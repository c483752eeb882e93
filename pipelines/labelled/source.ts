/** @file Crops of a labelled data set by entry, and the batches of them that keep a refinement near its start. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { BodyPrediction } from "../../smpl/head.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import type { Tensor4D } from "../../src/engine/tf.ts";
import { createRandom } from "../../src/random.ts";
import { cropTensor, type LabelledPair, predictLabelled } from "./batch.ts";
import { drawAugmentation, type LabelledCrop, type LabelledPerson, labelledCrop, NO_AUGMENTATION } from "./crop.ts";
import { type LabelledDataset, WIDE_FIELD } from "./dataset.ts";

/** A batch of labelled images, read and ready. */
export interface LabelledBatch {
  /** The images [B,S,S,3] in 0..1, for crops of S pixels. */
  images(cropSize: number): Tensor4D;
  /** What the regressor says (`predicted`, where it was asked already) of the images and what it should say; on the gradient's tape. */
  predict(
    models: { readonly regressor: Regressor; readonly body: BodyModel },
    predicted?: BodyPrediction,
  ): LabelledPair;
}

/** Where labelled batches come from. */
export interface LabelledSource {
  /** `count` images drawn by (seed, step). */
  load(seed: number, step: number, count: number): Promise<LabelledBatch>;
}

/** Crops as a batch. */
export function labelledBatch(crops: readonly LabelledCrop[]): LabelledBatch {
  return {
    images: (cropSize) => cropTensor(crops, cropSize),
    predict: (models, predicted) => predictLabelled(models, crops, { predicted }),
  };
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
      return labelledBatch(crops);
    },
  };
}
