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
    const accuracy = `held-out EPE ${heldOut.epe.toFixed(3)} px (zero flow: ${heldOut.zero.toFixed(3)} px)`;
    return { text: `${steps} steps, ${accuracy}; wrote ${weights}`, data: result };
  },
});
