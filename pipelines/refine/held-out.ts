/** @file How far mesh flow is from observed flow on pairs that were never trained on. */
import { type FlowResidual, flowResidual, joinResiduals, measureFlow } from "../cues/flow-agreement.ts";
import type { Context } from "../run/context.ts";
import { loadPairs, type PairPlace, readAhead } from "./sampler.ts";
import { type RefineModels, withPredictions } from "./step.ts";

/** A flow residual as results hold it. */
export type ResidualSummary = Pick<FlowResidual, "pixels" | "relative" | "meanFlow" | "count">;

/** The flow residual of `pairs`, both directions, read from the cache `batch` pairs at a time. */
export async function heldOutResidual(
  models: Pick<RefineModels, "regressor" | "body">,
  pairs: readonly PairPlace[],
  batch: number,
  context: Context,
): Promise<ResidualSummary> {
  const residuals: FlowResidual[] = [];
  const batches = Math.ceil(pairs.length / batch);
  for await (const loaded of readAhead(0, batches, (i) => loadPairs(pairs.slice(i * batch, (i + 1) * batch)))) {
    context.signal.throwIfAborted();
    residuals.push(withPredictions(models, loaded, (inputs) => flowResidual(measureFlow("held-out flow", inputs))));
  }
  const { pixels, relative, meanFlow, count } = joinResiduals(residuals);
  return { pixels, relative, meanFlow, count };
}
