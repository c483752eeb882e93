/** @file `motioncue template evaluate`: measures of trained templates on footage with truth. */
import { defineCommand } from "../cli.ts";
import { formatTable } from "../run/table.ts";
import { type EvaluateTemplateResult, evaluateTemplates, type TemplateFigures } from "../templates/evaluate.ts";
import { EVALUATE_TEMPLATE_OPTIONS } from "../templates/evaluate-options.ts";

export const templateEvaluateCommand = defineCommand({
  name: "evaluate",
  summary: "Measure trained templates on footage with truth (as synth writes it), beside the best constant pose.",
  arguments: [{ name: "footage", doc: "a video, or a folder of videos, each with its truth in a .npz beside it" }],
  options: EVALUATE_TEMPLATE_OPTIONS,
  example:
    "template evaluate runs/synth/test --training runs/synth/train --template runs/template/template.safetensors",
  async run(context, [footage], options) {
    const result = await evaluateTemplates(footage!, options, context);
    return { text: describe(result), data: result };
  },
});

const HEAD = ["", "nL2 %", "PDJ@0.05 %", "BPLP-C", "regression %"];

function describe({ rows }: EvaluateTemplateResult): string {
  return rows.map(describeRow).join("\n\n");
}

function describeRow(row: TemplateFigures): string {
  const { template, system, frames, size, measures, prior, regression, regressionProblem, constantPose, occlusion } =
    row;
  const number = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(2));
  const cells = (name: string, of: TemplateFigures["measures"], more?: number) => [
    name,
    number(of?.nL2),
    number(of?.pdj),
    number(of?.bplpC),
    number(more),
  ];
  const from = constantPose.from === "training" ? "training poses" : "the measured frames themselves";
  const table = formatTable(HEAD, [
    cells(system, measures, regression),
    ...(prior ? [cells("its prior, unmoved", prior)] : []),
    cells(`constant pose (${constantPose.kind} of ${from})`, constantPose),
  ]);
  const hidden = (occlusion ?? []).map(
    ({ hidden, error, iterations }) =>
      `${(100 * hidden).toFixed(0)} % hidden: ${error.toFixed(2)} %${iterations ? `; looks: ${iterations.map((e) => e.toFixed(2)).join(", ")}` : ""}`,
  );
  return [
    `${template}: ${frames} frames, crops of ${size} px; the better reading of left and right counts`,
    table,
    ...(regressionProblem ? [regressionProblem] : []),
    ...hidden,
  ].join("\n");
}
