/** @file Batches of labelled images for the labelled anchor. */
import type { CueInputs } from "./cue.ts";
import type { RefineModels } from "./refine-step.ts";

/** A batch of labelled images, read and ready. */
export interface LabelledBatch {
  /** What the regressor says of the images and what it should say; on the gradient's tape. */
  predict(models: Pick<RefineModels, "regressor" | "body">): NonNullable<CueInputs["labelled"]>;
}

/** Where labelled batches come from. */
export interface LabelledSource {
  /** `count` images drawn by (seed, step). */
  load(seed: number, step: number, count: number): Promise<LabelledBatch>;
}
