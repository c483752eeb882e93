/** @file `motioncue lift`: skeletons from the 2D joints of templates. */
import type { GroupSpec } from "../cli.ts";
import { liftEvaluateCommand } from "./lift-evaluate.ts";
import { liftInferCommand } from "./lift-infer.ts";
import { liftTrainCommand } from "./lift-train.ts";

export const command: GroupSpec = {
  name: "lift",
  summary: "Lift 2D keypoints to skeletons: train a lifter, measure it, use it.",
  commands: [liftTrainCommand, liftEvaluateCommand, liftInferCommand],
};
