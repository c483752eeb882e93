/** @file `motioncue lift evaluate`: how accurate a lifter is on motions held out. */
import { defineCommand } from "../cli.ts";
import { describeBaselines, describeErrors } from "../lifting/evaluate.ts";
import { measureLifter } from "../lifting/measure.ts";
import { LIFT_EVALUATE_OPTIONS } from "../lifting/options.ts";

export const liftEvaluateCommand = defineCommand({
  name: "evaluate",
  summary: "Measure a lifter on poses of motions held out, beside the pose that is always the same.",
  arguments: [{ name: "lifter", doc: "a file that lift train wrote" }],
  options: LIFT_EVALUATE_OPTIONS,
  example: "lift evaluate runs/lift/lifter.safetensors",
  async run(context, [lifter], options) {
    const result = await measureLifter(lifter!, options, context);
    const text = `${result.poses} poses: ${describeErrors(result)}\n${describeBaselines(result)}`;
    return { text, data: result };
  },
});
