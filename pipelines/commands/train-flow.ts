/** @file `motioncue train flow`: MotionCue's own flow network. */
import { defineCommand } from "../cli.ts";
import { trainFlow } from "../train/flow.ts";
import { TRAIN_FLOW_OPTIONS } from "../train/flow-options.ts";

export const trainFlowCommand = defineCommand({
  name: "flow",
  summary: "Train MotionCue's own flow network on synthetic motion.",
  arguments: [],
  options: TRAIN_FLOW_OPTIONS,
  example: "train flow --steps 6000 --out runs/flow",
  async run(context, _args, options) {
    const result = await trainFlow(options, context);
    const { steps, heldOut, weights } = result;
    const of = ({ epe, zero }: typeof heldOut.people) => `${epe.toFixed(3)} px (zero flow: ${zero.toFixed(3)} px)`;
    const accuracy = `held-out EPE on people ${of(heldOut.people)}, on shapes ${of(heldOut.shapes)}`;
    return { text: `${steps} steps, ${accuracy}; wrote ${weights}`, data: result };
  },
});
