/** @file `motioncue synth`: synthetic videos and labelled pictures. */
import { defineCommand } from "../cli.ts";
import { SYNTH_OPTIONS, type SynthResult, synthesize } from "../synth/synthesize.ts";

export const command = defineCommand({
  name: "synth",
  summary: "Make synthetic videos of moving people, with their truth beside them, and labelled pictures.",
  arguments: [],
  options: SYNTH_OPTIONS,
  example: "synth --videos 8 --frames 50 --out runs/synth",
  async run(context, _args, options) {
    const result = await synthesize(options, context);
    return { text: describe(result), data: result };
  },
});

function describe({ videos, stills }: SynthResult): string {
  const lines = videos.map(
    ({ video, truth, tracks, flow }) => `${video} (truth: ${truth}, tracks: ${tracks}${flow ? `, flow: ${flow}` : ""})`,
  );
  return [...lines, ...(stills ? [`${stills.dataset} (pictures: ${stills.images})`] : [])].join("\n");
}
