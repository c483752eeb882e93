/** @file What `import ... from "motioncue"` gives: the same jobs as the command line, as functions. */
export { type InferJob, type InferResult, infer } from "./infer/infer.ts";
export { type RefineJob, type RefineResult, refine } from "./refine/refine.ts";
export { type RenderJob, type RenderResult, render } from "./render/render.ts";
export { type Context, createContext } from "./run/context.ts";
