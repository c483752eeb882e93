/** @file The options of the experiments, and what they come to. */
import { existsSync } from "node:fs";
import { OptionError } from "../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../src/options.ts";

export const EXPERIMENT_OPTIONS = {
  seeds: {
    kind: "text",
    value: "N,N",
    default: "0,1,2",
    doc: "seeds, a run of everything for each: of weights, order and draws; the data are the same",
  },
  scale: {
    kind: "number",
    default: 1,
    min: 0.0001,
    max: 1,
    doc: "share of the data and the steps that is used, to see that everything works; below 1 results go to WORK/results",
  },
  work: { kind: "text", value: "DIR", default: "runs/experiments", doc: "folder of data, networks and measurements" },
  motions: {
    kind: "text",
    value: "DIR",
    doc: "folder of .bvh recordings of people; unless given, all motion is generated",
  },
  weights: {
    kind: "text",
    value: "DIR",
    default: "../shared/data/weights",
    doc: "folder of published flow weights (raft-small.pth); what needs them is left out where it is absent",
  },
} as const satisfies OptionTable;

/** Complete options of a run of experiments. */
export interface ExperimentOptions extends Omit<OptionsOf<typeof EXPERIMENT_OPTIONS>, "seeds" | "motions"> {
  readonly seeds: readonly number[];
  /** Undefined where there are no recordings. */
  readonly motions: string | undefined;
}

/** The complete options. Throws OptionError for seeds that are none, and for a folder that was named and is not there. */
export function completeExperimentOptions(given: Partial<OptionsOf<typeof EXPERIMENT_OPTIONS>>): ExperimentOptions {
  const options = completeOptions("experiment", EXPERIMENT_OPTIONS, given);
  const seeds = options.seeds.split(",").map((text) => (/^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN));
  if (seeds.some(Number.isNaN) || new Set(seeds).size < seeds.length)
    throw new OptionError("--seeds", `expected different whole numbers such as 0,1,2, got ${options.seeds}`);
  const { motions } = options;
  if (motions !== undefined && !existsSync(motions))
    throw new OptionError("--motions", `expected a folder of .bvh recordings, found nothing at ${motions}`);
  return { ...options, seeds, motions };
}
