/** @file `motioncue inspect`: what a file is. */
import { defineCommand } from "../cli.ts";
import { formatInspect, inspectFile } from "../inspect/inspect.ts";

export const command = defineCommand({
  name: "inspect",
  summary: "Say what a file is: a video, weights, a body, a dataset, flow, tracks.",
  arguments: [{ name: "file", doc: "any file" }],
  options: {},
  example: "inspect raft-small.pth",
  async run(_context, [file]) {
    const report = await inspectFile(file!);
    return { text: formatInspect(report), data: report };
  },
});
