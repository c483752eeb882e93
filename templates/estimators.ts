/** @file The template estimators by name. */
import { OptionError } from "../src/errors.ts";
import { suggestion } from "../src/options.ts";
import type { TemplateEstimator, TemplateEstimatorKind, TemplatePreset, TemplateSetting } from "./estimator.ts";
import { hpe } from "./estimators/hpe.ts";
import { ppl } from "./estimators/ppl.ts";
import { stt } from "./estimators/stt.ts";

export const templateEstimators: Readonly<Record<string, TemplateEstimatorKind>> = { stt, hpe, ppl };

/** The entry of that name; throws OptionError. */
export function templateEstimatorKind(name: string): TemplateEstimatorKind {
  const kind = Object.hasOwn(templateEstimators, name) ? templateEstimators[name] : undefined;
  if (kind) return kind;
  throw new OptionError(
    "template",
    `unknown template estimator "${name}"${suggestion(name, Object.keys(templateEstimators))}`,
  );
}

/** A new estimator with a preset's options, overlaid with `options`. Throws OptionError. */
export function createTemplateEstimator(
  name: string,
  preset: TemplatePreset,
  options: Readonly<Record<string, unknown>> = {},
  setting: TemplateSetting = {},
): TemplateEstimator {
  const kind = templateEstimatorKind(name);
  return kind.create({ ...kind.presets[preset], ...options }, setting);
}
