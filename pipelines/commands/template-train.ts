/** @file `motioncue template train`: an estimator of 2D keypoints from unlabelled videos. */
import { defineCommand } from "../cli.ts";
import { trainTemplate } from "../templates/train.ts";
import { TRAIN_TEMPLATE_OPTIONS } from "../templates/train-options.ts";

export const templateTrainCommand = defineCommand({
  name: "train",
  summary: "Train a template estimator (stt, hpe or ppl) on videos without labels, best of still cameras.",
  arguments: [{ name: "videos", doc: "videos, or folders of them", variadic: true, optional: true }],
  options: TRAIN_TEMPLATE_OPTIONS,
  example: "template train videos/ --system hpe --out runs/template",
  async run(context, videos, options) {
    const result = await trainTemplate({ videos, ...options }, context);
    const { steps, pictures, loss, template, report, seconds } = result;
    const rate = (steps / Math.max(seconds, 1e-9)).toFixed(2);
    return {
      text: `${steps} steps on ${pictures} pictures (${rate} a second), loss ${loss.toPrecision(4)}\n${template}\n${report}`,
      data: result,
      failed: result.skipped.some(({ failed }) => failed),
    };
  },
});
