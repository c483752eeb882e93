/** @file `motioncue render`: a video that shows what the cue sees. */
import { defineCommand } from "../cli.ts";
import { RENDER_OPTIONS } from "../render/options.ts";
import { render } from "../render/render.ts";

export const command = defineCommand({
  name: "render",
  summary: "Show frame, mesh, flow, mesh flow and their difference side by side.",
  arguments: [{ name: "video", doc: "a video" }],
  options: RENDER_OPTIONS,
  example: "render walk.mp4 --regressor runs/mine/regressor.safetensors --compare default --out debug.mp4",
  async run(context, [video], options) {
    const result = await render({ video: video!, ...options }, context);
    const { frames, track, residuals, out } = result;
    const differences = residuals.map((pixels) => `${pixels.toFixed(2)} px`).join(" and ");
    const text = `${frames} frames, track ${track}, mean flow residual ${differences}; wrote ${out}`;
    return { text, data: result };
  },
});
