/** @file How the learning rate goes over a run. */

/** `warm` steps of rise, then half a cosine that reaches `floor` (a share of the highest rate) in step `end`. */
interface WarmCosine {
  readonly warm: number;
  readonly end: number;
  readonly floor: number;
}

/** The learning rate of step number `step`, counted from 1, where `highest` is the greatest of the run. */
export function warmCosine(highest: number, step: number, { warm, end, floor }: WarmCosine): number {
  if (step <= warm) return (highest * step) / warm;
  const done = (step - warm) / Math.max(1, end - warm);
  return highest * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * done)));
}
