/** @file `motioncue convert`: a file in another format. */
import { defineCommand } from "../cli.ts";
import { CONVERT_OPTIONS, convertFile } from "../inspect/convert.ts";

export const command = defineCommand({
  name: "convert",
  summary: "Write weights as .safetensors or .pth, in others' names too, and body models as .npz.",
  arguments: [
    { name: "input", doc: "a checkpoint (.pth, .pt, .ckpt, .safetensors) or a body model (.pkl, .npz)" },
    { name: "output", doc: "the file to write; its ending says in which format" },
  ],
  options: CONVERT_OPTIONS,
  example: "convert runs/mine/regressor.safetensors regressor.pth",
  async run(_context, [input, output], options) {
    const result = await convertFile(input!, output!, options);
    return { text: `${result.output}: ${result.what} (${result.tensors} tensors)`, data: result };
  },
});
