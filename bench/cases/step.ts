/** @file A whole training step: labelled frames and pairs through the network, losses, gradients, Adam; flows are given. */
import { MotionCueError } from "../../src/errors.ts";
import type { BenchCase } from "../case.ts";
import { CROP, type Sizes } from "../options.ts";
import { createRefinement, madeUpLabels, madeUpPairs } from "../refinement.ts";
import { SMPL_SIZE } from "../tube-body.ts";

/** One case. Ours also uploads bytes and flows, checks that all numbers are finite, and reports every loss, in the timed call. */
export function stepCases({ size, labelled, pairs }: Sizes): BenchCase[] {
  const options = { size, labelled, pairs };
  return [
    {
      id: "step",
      label: `training step, ${labelled} labelled frames and ${pairs} ${pairs === 1 ? "pair" : "pairs"} at ${CROP}`,
      unit: "ms",
      sizes: options,
      peers: [{ name: "", args: ["step", ...Object.entries(options).flatMap(([k, v]) => [`--${k}`, `${v}`])] }],
      prepare: async () => {
        const refinement = createRefinement({ cropSize: CROP }, SMPL_SIZE);
        const batch = madeUpPairs(pairs, CROP, size);
        const labels = madeUpLabels(labelled, CROP);
        const run = () => refinement.step(batch, labels);
        const kept = run().cues["flow"]?.numbers["kept"];
        if (kept !== 2 * pairs)
          throw new MotionCueError("bench step", `expected ${2 * pairs} pairs that count, got ${kept}: no fair timing`);
        return {
          run: () => {
            run();
          },
          figure: (ms) => ms,
          dispose: () => refinement.dispose(),
        };
      },
    },
  ];
}
