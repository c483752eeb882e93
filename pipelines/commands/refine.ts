/** @file `motioncue refine`: the main job. */
import { OptionError } from "../../src/errors.ts";
import { defineCommand } from "../cli.ts";
import { REFINE_OPTIONS } from "../refine/options.ts";
import { type RefineResult, refine } from "../refine/refine.ts";

export const command = defineCommand({
  name: "refine",
  summary: "Refine a regressor on unlabelled videos, so that its body moves as the picture does.",
  arguments: [
    {
      name: "videos",
      doc: "videos, and folders that are searched for them; with --resume they may be left out",
      optional: true,
      variadic: true,
    },
  ],
  options: REFINE_OPTIONS,
  example: "refine videos/ --tracks videos/ --out runs/mine",
  async run(context, videos, options) {
    if (videos.length === 0 && !options.resume)
      throw new OptionError("motioncue refine", "expected videos or folders of them, got none");
    const result = await refine({ videos, ...options }, context);
    return { text: describe(result), data: result, failed: result.skipped.some((video) => video.failed) };
  },
});

function describe({ videos, skipped, pairs, steps, before, after, regressor, report }: RefineResult): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    `${videos.length} videos, ${pairs.training} pairs to train on, ${pairs.heldOut} held out, ${steps} steps`,
    ...skipped.map(
      ({ video, problem, failed }) =>
        `${failed ? "failed" : "left out"}: ${video}: ${problem.replace(`${video}: `, "")}`,
    ),
    `flow residual on held-out pairs: ${before.pixels.toFixed(3)} px before, ${after.pixels.toFixed(3)} px after` +
      ` (of the motion: ${percent(before.relative)}, ${percent(after.relative)})`,
    `wrote ${regressor} and ${report}`,
  ].join("\n");
}
