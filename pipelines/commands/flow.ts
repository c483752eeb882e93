/** @file `motioncue flow`: optical flow of two pictures or a video. */
import { defineCommand } from "../cli.ts";
import { estimateFlow } from "../flow/estimate-flow.ts";
import { FLOW_OPTIONS } from "../flow/options.ts";

export const command = defineCommand({
  name: "flow",
  summary: "Estimate optical flow between two pictures, or along a video.",
  arguments: [
    { name: "first", doc: "a picture, or a video" },
    { name: "second", doc: "the picture after it", optional: true },
  ],
  options: FLOW_OPTIONS,
  example: "flow frame10.png frame11.png --out flow.flo --png flow.png",
  async run(context, [first, second], options) {
    const result = await estimateFlow(first!, second, options, context);
    const { pairs, width, height, meanLength, maxLength, seconds, written } = result;
    const what = second === undefined ? `${pairs} pairs of ` : "";
    const motion = `mean ${meanLength.toFixed(2)} px, longest ${maxLength.toFixed(2)} px`;
    const text = `${what}${width}x${height}: ${motion}, ${seconds.toFixed(1)} s; wrote ${written.join(", ")}`;
    return { text, data: result };
  },
});
