/** @file Self-training: on turned, scaled and tinted frames the regressor should say what its teacher says of the frames as they are. */
import { tf } from "../../src/engine/tf.ts";
import {
  SUPERVISED_OPTIONS,
  SUPERVISED_TERMS,
  type SupervisedOptions,
  supervisedLoss,
} from "../labelled/supervised.ts";
import { type Cue, type CueSpec, needed, numbersOnly } from "./cue.ts";

export const selfTrainingSpec: CueSpec<typeof SUPERVISED_OPTIONS> = {
  name: "self",
  doc: "What the teacher says of a frame should hold for the frame turned, scaled and tinted (best with --teacher-decay 0.99 or so).",
  weight: 1,
  needs: ["teacher", "self"],
  options: SUPERVISED_OPTIONS,
  presets: { default: { shape: 0.02, shapePrior: 0.01, keypoints3d: 20 }, paper: {} },
  create: createSelfTraining,
};

/** The cue whose value is supervisedLoss(...).total of `inputs.self` (mean teacher, Tarvainen & Valpola 2017, on poses). */
export function createSelfTraining(options: SupervisedOptions): Cue {
  return {
    name: "self",
    needs: ["teacher", "self"],
    loss(inputs) {
      const { predicted, targets } = needed("cue self", inputs, "self");
      const { total, terms } = supervisedLoss(predicted, targets, options);
      const values = tf.stack(SUPERVISED_TERMS.map((term) => terms[term])).dataSync();
      const numbers = Object.fromEntries(SUPERVISED_TERMS.map((term, i) => [term, values[i]!]));
      return { value: total, report: numbersOnly(numbers) };
    },
  };
}
