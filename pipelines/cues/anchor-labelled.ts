/** @file The anchor of the paper: the supervised loss on a batch of labelled images stays in every step. */
import { tf } from "../../src/engine/tf.ts";
import {
  SUPERVISED_OPTIONS,
  SUPERVISED_TERMS,
  type SupervisedOptions,
  supervisedLoss,
} from "../labelled/supervised.ts";
import { type Cue, type CueSpec, needed, numbersOnly } from "./cue.ts";

export const labelledAnchorSpec: CueSpec<typeof SUPERVISED_OPTIONS> = {
  name: "labelled",
  doc: "Anchor: the supervised loss of a labelled batch, six terms times 60 (needs --labelled).",
  weight: 1,
  needs: ["labelled"],
  options: SUPERVISED_OPTIONS,
  // By default the loss that the shipped base regressor was trained with, so that the anchor pulls nowhere else; EFT's for paper.
  presets: { default: { shape: 0.02, shapePrior: 0.01, keypoints3d: 20 }, paper: {} },
  create: createLabelledAnchor,
};

/** The cue whose value is supervisedLoss(...).total of `inputs.labelled`. */
export function createLabelledAnchor(options: SupervisedOptions): Cue {
  return {
    name: "labelled",
    needs: ["labelled"],
    loss(inputs) {
      const { predicted, targets } = needed("cue labelled", inputs, "labelled");
      const { total, terms } = supervisedLoss(predicted, targets, options);
      const values = tf.stack(SUPERVISED_TERMS.map((term) => terms[term])).dataSync();
      const numbers = Object.fromEntries(SUPERVISED_TERMS.map((term, i) => [term, values[i]!]));
      return { value: total, report: numbersOnly(numbers) };
    },
  };
}
