/** @file Template estimators as files: safetensors of the parameters, and a header from which the network is made again. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FormatError, OptionError } from "../../src/errors.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors.ts";
import { showText } from "../../src/io/show-text.ts";
import { assignFromHost, parametersToHost } from "../../src/nn/parameters.ts";
import type { TemplateEstimator } from "../../templates/estimator.ts";
import { templateEstimatorKind } from "../../templates/estimators.ts";
import {
  type PartTemplate,
  parseTemplate,
  loadTemplate as readPartTemplate,
  TEMPLATE_NAMES,
} from "../../templates/part-template.ts";

const FORMAT = "motioncue-template";
const VERSION = "1";
/** Most characters of a part template in a header. */
const MOST_TEMPLATE = 2 ** 20;

/** What an estimator is made from. */
export interface TemplateHeader {
  /** Its name in the registry: stt, hpe, ppl. */
  readonly system: string;
  /** The complete options of that entry. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** An estimator read from a file. It can find keypoints; to train it, make it with features instead. */
export interface LoadedTemplate extends TemplateHeader {
  readonly estimator: TemplateEstimator;
  /** The part template that it moves or began with. */
  readonly parts?: PartTemplate;
  /** All texts of the header, those of `extra` among them. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Writes the parameters of `estimator` (float32, PyTorch names and layout) with `header` and its joint names; `extra`
 * goes into the header too. A part template that is a file of its own is put into the header, so that the file is whole.
 */
export async function saveTemplate(
  path: string,
  estimator: TemplateEstimator,
  { system, options }: TemplateHeader,
  extra: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { template } = options;
  const isFile = typeof template === "string" && !isKnownTemplate(template);
  const metadata = {
    ...extra,
    format: FORMAT,
    formatVersion: VERSION,
    system,
    options: JSON.stringify(options),
    joints: JSON.stringify(estimator.jointNames),
    ...(isFile ? { partTemplate: await readFile(template, "utf8") } : {}),
  };
  await writeSafetensors(path, await parametersToHost(estimator.parameters), metadata);
}

/** The estimator in a file of `saveTemplate`. Throws FormatError for any other file. */
export async function loadTemplate(path: string): Promise<LoadedTemplate> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata["format"] !== FORMAT || metadata["formatVersion"] !== VERSION)
    throw new FormatError(
      path,
      `expected a header with format "${FORMAT}", version ${VERSION}, got "${showText(metadata["format"] ?? "none")}"; pass a file that motioncue template train wrote`,
    );
  const system = metadata["system"] ?? "";
  const options = parseOptions(path, metadata["options"]);
  const estimator = await asFormatError(path, () =>
    withPartTemplate(path, options["template"], metadata["partTemplate"], (template) =>
      templateEstimatorKind(system).create(template === undefined ? options : { ...options, template }),
    ),
  );
  try {
    if (metadata["joints"] !== JSON.stringify(estimator.jointNames))
      throw new FormatError(
        path,
        `expected the joints ${estimator.jointNames.join(", ")}, got ${showText(metadata["joints"] ?? "none", 200)}`,
      );
    assignFromHost(estimator.parameters, tensors, path);
  } catch (error) {
    estimator.dispose();
    throw error;
  }
  const parts = partsOf(path, options["template"], metadata["partTemplate"]);
  return { system, options, estimator, metadata, ...(parts ? { parts } : {}) };
}

function partsOf(path: string, template: unknown, text: string | undefined): PartTemplate | undefined {
  if (typeof template !== "string") return undefined;
  return text === undefined ? readPartTemplate(template) : parseTemplate(text, path);
}

function isKnownTemplate(name: string): boolean {
  return (TEMPLATE_NAMES as readonly string[]).includes(name);
}

function parseOptions(path: string, text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const options: unknown = JSON.parse(text ?? "");
    if (typeof options === "object" && options !== null && !Array.isArray(options))
      return options as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new FormatError(path, "expected the options of a template estimator in the header, got something else");
}

/** Options that no estimator takes are the file's fault, not the user's. */
async function asFormatError<T>(path: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof OptionError)
      throw new FormatError(path, `expected a template estimator, got ${error.message}`);
    throw error;
  }
}

/** Calls `make` with the path of a part template that the header holds, or with undefined where it has a name. */
async function withPartTemplate<T>(
  path: string,
  template: unknown,
  text: string | undefined,
  make: (template: string | undefined) => T,
): Promise<T> {
  if (typeof template !== "string" || isKnownTemplate(template)) return make(undefined);
  if (text === undefined || text.length > MOST_TEMPLATE)
    throw new FormatError(path, "expected the part template in the header, found none of a sensible size");
  const folder = await mkdtemp(join(tmpdir(), "motioncue-template-"));
  try {
    const file = join(folder, "part-template.json");
    await writeFile(file, text);
    return make(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
