/** @file `motioncue template`: estimators of 2D keypoints that learn from videos without labels. */
import type { GroupSpec } from "../cli.ts";
import { templateEvaluateCommand } from "./template-evaluate.ts";
import { templateInferCommand } from "./template-infer.ts";
import { templateTrainCommand } from "./template-train.ts";

export const command: GroupSpec = {
  name: "template",
  summary: "Learn 2D keypoints from videos without labels, find them, and measure them.",
  commands: [templateTrainCommand, templateInferCommand, templateEvaluateCommand],
};
