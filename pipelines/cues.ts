/** @file The registry of cues: `--cue name=weight` selects from it. */
import { OptionError } from "../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable, suggestion } from "../src/options.ts";
import { labelledAnchorSpec } from "./cues/anchor-labelled.ts";
import { teacherAnchorSpec } from "./cues/anchor-teacher.ts";
import type { Cue, CueSpec } from "./cues/cue.ts";
import { flowCueSpec } from "./cues/flow.ts";

/** Hides a spec's option type, so that specs of different options fit one table. */
function entry<T extends OptionTable>(spec: CueSpec<T>): CueSpec {
  return spec as unknown as CueSpec;
}

export const cues: ReadonlyMap<string, CueSpec> = new Map(
  [entry(flowCueSpec), entry(labelledAnchorSpec), entry(teacherAnchorSpec)].map((spec) => [spec.name, spec]),
);

/** The registry entry, or OptionError with the known names. */
export function cueSpec(name: string): CueSpec {
  const spec = cues.get(name);
  if (!spec) throw new OptionError("--cue", `unknown cue "${name}"${suggestion(name, [...cues.keys()])}`);
  return spec;
}

/**
 * A cue with the options of `preset` (a preset that a cue does not know leaves its defaults), overlaid with
 * `overrides`.
 */
export function createCue(name: string, preset = "default", overrides: Partial<OptionsOf<OptionTable>> = {}): Cue {
  const spec = cueSpec(name);
  return spec.create(completeOptions(`cue ${name}`, spec.options, { ...spec.presets[preset], ...overrides }));
}

/** Cue names and weights from texts such as `flow=0.01` or `flow`. Throws OptionError for what cannot be read. */
export function parseCueWeights(texts: readonly string[]): Map<string, number> {
  const weights = new Map<string, number>();
  for (const text of texts) {
    const [name = "", number, ...rest] = text.split("=");
    const spec = cueSpec(name);
    const weight = number === undefined ? spec.weight : Number(number);
    if (rest.length > 0 || number === "" || !Number.isFinite(weight) || weight < 0)
      throw new OptionError("--cue", `expected name=weight with a weight >= 0, got "${text}"`);
    if (weights.has(name)) throw new OptionError("--cue", `"${name}" is given twice; keep one`);
    weights.set(name, weight);
  }
  return weights;
}
