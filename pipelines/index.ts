/** @file What `import ... from "motioncue"` gives: the same jobs as the command line, as functions. */
export { type Context, createContext } from "./context.ts";
export { type InferJob, type InferResult, infer } from "./infer.ts";
export { type RefineJob, type RefineResult, refine } from "./refine.ts";
export { type RenderJob, type RenderResult, render } from "./render.ts";
