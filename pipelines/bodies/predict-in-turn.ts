/** @file Predictions of people frame after frame, each with the frames before it where the regressor looks at those. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import type { Image } from "../../src/image/image.ts";
import { type FramePosition, type Prediction, pastPlaces, predictCrops } from "./predict.ts";

/** One person's crop in one frame. */
export interface CropInTurn extends FramePosition {
  readonly crop: Image;
}

/**
 * A function that predicts crops, at most `batch` at a time; its calls must come in the order of frames, since it keeps of
 * each person the last crops that a regressor with temporal context needs. Throws as predictCrops.
 */
export function predictorInTurn(
  regressor: Regressor,
  body: BodyModel,
  batch: number,
): (crops: readonly CropInTurn[]) => Prediction[] {
  const { context } = regressor.spec;
  const kept = new Map<string, readonly CropInTurn[]>();
  const predictPart = (part: readonly CropInTurn[]): Prediction[] => {
    const people = [...new Set(part.map(({ person }) => person))];
    const before = people.flatMap((person) => kept.get(person) ?? []);
    const all = [...before, ...part];
    // The crops from before are there to be looked back at; by themselves is enough for them.
    const past = pastPlaces(all, context).map((places, i) => (i < before.length ? [] : places));
    const predictions = predictCrops(
      regressor,
      body,
      all.map(({ crop }) => crop),
      { past },
    );
    if (context > 0)
      for (const person of people) kept.set(person, all.filter((one) => one.person === person).slice(-context));
    return predictions.slice(before.length);
  };
  return (crops) => {
    const found: Prediction[] = [];
    for (let i = 0; i < crops.length; i += batch) found.push(...predictPart(crops.slice(i, i + batch)));
    return found;
  };
}
