/** @file `motioncue infer`: bodies in pictures and videos. */
import { defineCommand } from "../cli.ts";
import { type InferResult, infer } from "../infer/infer.ts";
import { INFER_OPTIONS } from "../infer/options.ts";

export const command = defineCommand({
  name: "infer",
  summary: "Predict bodies in pictures and videos, one frame at a time.",
  arguments: [{ name: "inputs", doc: "pictures, videos, and folders that are searched for them", variadic: true }],
  options: INFER_OPTIONS,
  example: "infer photo.jpg walk.mp4 --regressor runs/mine/regressor.safetensors --out out --overlay",
  async run(context, inputs, options) {
    const result = await infer({ inputs, ...options }, context);
    return { text: describe(result), data: result, failed: result.failed.length > 0 };
  },
});

function describe({ files, failed }: InferResult): string {
  return [
    ...files.map(({ input, people, predictions, written }) => {
      const who = people === 1 ? "1 person" : `${people} people`;
      return `${input}: ${who}, ${predictions} predictions${written.length > 0 ? `; wrote ${written.join(", ")}` : ""}`;
    }),
    ...failed.map(({ input, problem }) => `failed: ${input}: ${problem.replace(`${input}: `, "")}`),
  ].join("\n");
}
