/** @file `motioncue evaluate`: how accurate a regressor is where the truth is known. */
import { defineCommand } from "../cli.ts";
import { type EvaluateFilesResult, evaluateFiles, FIGURES } from "../evaluate/files.ts";
import { EVALUATE_OPTIONS } from "../evaluate/options.ts";
import { formatTable } from "../run/table.ts";

export const command = defineCommand({
  name: "evaluate",
  summary: "Measure one regressor, or two, on videos or pictures whose truth is known.",
  arguments: [
    { name: "data", doc: "a data set (.npz, .json), a video with its truth beside it, or a folder of such videos" },
  ],
  options: EVALUATE_OPTIONS,
  example: "evaluate runs/synth --regressor default --compare runs/mine/regressor.safetensors",
  async run(context, [data], options) {
    const result = await evaluateFiles(data!, options, context);
    return { text: describe(result), data: result, failed: result.skipped.some((video) => video.failed) };
  },
});

function describe({ evaluations, skipped }: EvaluateFilesResult): string {
  const figure = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : "-");
  const rows = FIGURES.map(([key, name]) => [name, ...evaluations.map((evaluation) => figure(evaluation[key]))]);
  const head = [`${evaluations[0]!.frames} frames`, ...evaluations.map(({ regressor }) => regressor)];
  const left = skipped.map(({ video, problem, failed }) => {
    return `${failed ? "failed" : "left out"}: ${video}: ${problem.replace(`${video}: `, "")}`;
  });
  return [formatTable(head, rows), ...left].join("\n");
}
