/** @file The registry of cues: `--cue name=weight` selects from it. */
import { OptionError } from "../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable, suggestion } from "../src/options.ts";
import { accelerationCueSpec } from "./cues/acceleration.ts";
import { labelledAnchorSpec } from "./cues/anchor-labelled.ts";
import { teacherAnchorSpec } from "./cues/anchor-teacher.ts";
import type { Cue, CueSpec } from "./cues/cue.ts";
import { flowCueSpec } from "./cues/flow.ts";
import { keypointsCueSpec } from "./cues/keypoints.ts";
import { selfTrainingSpec } from "./cues/self-training.ts";
import { textureCueSpec } from "./cues/texture.ts";

/** Hides a spec's option type, so that specs of different options fit one table. */
function entry<T extends OptionTable>(spec: CueSpec<T>): CueSpec {
  return spec as unknown as CueSpec;
}

export const cues: ReadonlyMap<string, CueSpec> = new Map(
  [
    ...[entry(flowCueSpec), entry(textureCueSpec), entry(keypointsCueSpec), entry(accelerationCueSpec)],
    ...[entry(labelledAnchorSpec), entry(teacherAnchorSpec), entry(selfTrainingSpec)],
  ].map((spec) => [spec.name, spec]),
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

/**
 * Cue options by cue from texts such as `flow.erode=2`, each read as its table says. Throws OptionError for unknown names
 * and values that cannot be read.
 */
export function parseCueOptions(texts: readonly string[]): Map<string, Partial<OptionsOf<OptionTable>>> {
  const found = new Map<string, Record<string, unknown>>();
  for (const text of texts) {
    const [, cue = "", option = "", value = ""] = /^([^.=]+)\.([^.=]+)=(.+)$/.exec(text) ?? [];
    if (!cue) throw new OptionError("--cue-option", `expected CUE.OPTION=VALUE such as flow.erode=2, got "${text}"`);
    const { options } = cueSpec(cue);
    const spec = options[option];
    if (!spec)
      throw new OptionError("--cue-option", `cue ${cue} has no "${option}"${suggestion(option, Object.keys(options))}`);
    const own = found.get(cue) ?? {};
    if (option in own) throw new OptionError("--cue-option", `"${cue}.${option}" is given twice; keep one`);
    own[option] = readValue(spec, value);
    completeOptions("--cue-option", { [option]: spec }, { [option]: own[option] } as never);
    found.set(cue, own);
  }
  return found as Map<string, Partial<OptionsOf<OptionTable>>>;
}

/** A text as the value of an option; what it cannot be stays text, which the option's own check refuses. */
function readValue(spec: OptionTable[string], text: string): unknown {
  if (spec.kind === "number" || spec.kind === "integer") return Number(text);
  if (spec.kind === "flag" && (text === "true" || text === "false")) return text === "true";
  return text;
}
