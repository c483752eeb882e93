/** @file The registry of commands: each name and the module that holds it. */
import type { CommandSpec } from "./cli.ts";

/** Loads a command's module. In the order of the help. */
export const commandLoaders: Readonly<Record<string, () => Promise<{ readonly command: CommandSpec }>>> = {
  refine: () => import("./commands/refine.ts"),
  infer: () => import("./commands/infer.ts"),
  render: () => import("./commands/render.ts"),
  evaluate: () => import("./commands/evaluate.ts"),
  train: () => import("./commands/train.ts"),
  template: () => import("./commands/template.ts"),
  lift: () => import("./commands/lift.ts"),
  synth: () => import("./commands/synth.ts"),
  flow: () => import("./commands/flow.ts"),
  inspect: () => import("./commands/inspect.ts"),
  convert: () => import("./commands/convert.ts"),
  demo: () => import("./commands/demo.ts"),
  doctor: () => import("./commands/doctor.ts"),
};
