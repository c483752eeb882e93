/** @file `motioncue template infer`: keypoints of everybody in videos. */
import { defineCommand } from "../cli.ts";
import { inferTemplate } from "../templates/infer.ts";
import { INFER_TEMPLATE_OPTIONS } from "../templates/infer-options.ts";

export const templateInferCommand = defineCommand({
  name: "infer",
  summary: "Find the keypoints of people in videos with a trained template, as files that refine --keypoints reads.",
  arguments: [{ name: "videos", doc: "videos, and folders that are searched for them", variadic: true }],
  options: INFER_TEMPLATE_OPTIONS,
  example: "template infer videos/ --template runs/template/template.safetensors --out keypoints",
  async run(context, videos, options) {
    const result = await inferTemplate({ videos, ...options }, context);
    const lines = result.files.map(
      ({ keypoints, overlay, people, frames, confidence }) =>
        `${keypoints} (people: ${people}, frames: ${frames}, mean confidence: ${confidence.toFixed(2)})${overlay ? `\n${overlay}` : ""}`,
    );
    const failed = result.failed.map(({ video, problem }) => `failed: ${video}: ${problem.replace(`${video}: `, "")}`);
    return { text: [...lines, ...failed].join("\n"), data: result, failed: failed.length > 0 };
  },
});
