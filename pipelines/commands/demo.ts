/** @file `motioncue demo`: the whole method on footage that it makes itself. */
import { defineCommand } from "../cli.ts";
import { DEMO_OPTIONS, type DemoResult, demo, demoRows } from "../demo.ts";
import { formatTable } from "../run/table.ts";

export const command = defineCommand({
  name: "demo",
  summary: "Refine the shipped regressor on synthetic videos and measure it before and after.",
  arguments: [],
  options: DEMO_OPTIONS,
  example: "demo --out runs/demo",
  async run(context, _args, options) {
    const result = await demo(options, context);
    return { text: describe(result), data: result };
  },
});

function describe(result: DemoResult): string {
  const { report, result: json, debugVideo, regressor } = result.files;
  return [
    formatTable(["held-out videos", "before", "after", "change"], demoRows(result)),
    "",
    `report       ${report}`,
    `figures      ${json}`,
    `debug video  ${debugVideo}`,
    `regressor    ${regressor}`,
    `${result.seconds.toFixed(0)} s on ${result.engine.name} (${result.engine.device})`,
  ].join("\n");
}
