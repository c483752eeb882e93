/** @file `motioncue lift infer`: skeletons of the people in a keypoint file. */
import { defineCommand } from "../cli.ts";
import { liftFile } from "../lifting/infer.ts";
import { LIFT_INFER_OPTIONS } from "../lifting/options.ts";

export const liftInferCommand = defineCommand({
  name: "infer",
  summary: "Lift the people of a keypoint file, as template infer writes it, to skeletons in metres.",
  arguments: [
    { name: "keypoints", doc: "a keypoint file (motioncue-keypoints)" },
    { name: "lifter", doc: "a file that lift train wrote" },
  ],
  options: LIFT_INFER_OPTIONS,
  example: "lift infer out/walk.keypoints.json runs/lift/lifter.safetensors",
  async run(context, [keypoints, lifter], options) {
    const result = await liftFile(keypoints!, lifter!, options, context);
    const { people, frames, left, skeletons } = result;
    const text = `${people} ${people === 1 ? "person" : "people"}, ${frames} frames lifted, ${left} left out; wrote ${skeletons}`;
    return { text, data: result };
  },
});
