/** @file `motioncue train`: the networks that are shipped, or others like them, from scratch. */
import type { GroupSpec } from "../cli.ts";
import { trainFlowCommand } from "./train-flow.ts";
import { trainRegressorCommand } from "./train-regressor.ts";

export const command: GroupSpec = {
  name: "train",
  summary: "Train a base regressor or a flow network from scratch.",
  commands: [trainRegressorCommand, trainFlowCommand],
};
