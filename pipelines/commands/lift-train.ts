/** @file `motioncue lift train`: a lifter, with 3D labels or without. */
import { defineCommand } from "../cli.ts";
import { describeBaselines, describeErrors } from "../lifting/evaluate.ts";
import { LIFT_TRAIN_OPTIONS } from "../lifting/options.ts";
import { trainLifter } from "../lifting/train.ts";

export const liftTrainCommand = defineCommand({
  name: "train",
  summary: "Train a lifter on generated and recorded motion, with its 3D poses or on 2D poses alone.",
  arguments: [],
  options: LIFT_TRAIN_OPTIONS,
  example: "lift train --labels none --width 256 --out runs/lift",
  async run(context, _args, options) {
    const result = await trainLifter(options, context);
    const { steps, poses, after, lifter } = result;
    const text = [
      `${steps} steps on ${poses.training} poses; on ${poses.heldOut} held out: ${describeErrors(after)}`,
      describeBaselines(result),
      `wrote ${lifter}`,
    ].join("\n");
    return { text, data: result };
  },
});
