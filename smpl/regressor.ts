/** @file The regressor: a backbone and a head, from images to bodies. */
import { fileURLToPath } from "node:url";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { ShapeError } from "../src/errors.ts";
import type { BatchNormMode } from "../src/nn/batch-norm.ts";
import { initialValues } from "../src/nn/init.ts";
import { disposeParameters, type Parameters, parametersFromHost, parametersToHost } from "../src/nn/parameters.ts";
import type { Backbone } from "./backbone.ts";
import { backbones } from "./backbones.ts";
import { type RegressorExtras, readRegressorFile, writeRegressorFile } from "./checkpoint.ts";
import type { BodyPrediction, Dropout } from "./head.ts";
import { modulated, pastBodies } from "./heads/film.ts";
import { heads } from "./heads.ts";
import { completeSpec, type RegressorSpec, regressorShapes } from "./regressor-spec.ts";

export type { BodyPrediction, Dropout } from "./head.ts";
export { DEFAULT_SPEC, type RegressorSpec } from "./regressor-spec.ts";

export interface PredictOptions {
  /** Frozen statistics (the default), or the batch's own while training from scratch. */
  readonly batchNorm?: BatchNormMode;
  /** Dropout in the head; none by default. */
  readonly dropout?: Dropout;
  /**
   * For each image the places, in this batch, of the frames before it, nearest first: as many as `spec.context`, or none
   * for a frame that is predicted by itself. What they are predicted by themselves modulates its features.
   */
  readonly past?: readonly (readonly number[])[];
}

export interface Regressor {
  readonly spec: RegressorSpec;
  readonly parameters: Parameters;
  /** Bodies for crops [B,S,S,3] (RGB, 0..1, S = spec.cropSize). Throws ShapeError. */
  predict(images: Tensor4D, options?: PredictOptions): BodyPrediction;
  dispose(): void;
}

const SHIPPED = fileURLToPath(new URL("weights/motioncue-base.safetensors", import.meta.url));

/** A regressor that owns `parameters` (names and shapes of regressorShapes(spec)). */
export function regressorWith(spec: RegressorSpec, parameters: Parameters): Regressor {
  const { cropSize, mean, std } = spec;
  return {
    spec,
    parameters,
    predict: (images, { batchNorm = "frozen", dropout, past = [] } = {}) => {
      const [, rows, columns, channels] = images.shape;
      if (rows !== cropSize || columns !== cropSize || channels !== 3) {
        throw new ShapeError("regressor", `[B, ${cropSize}, ${cropSize}, 3]`, images.shape);
      }
      return tf.tidy(() => {
        const normalised = tf.div(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d([...std])) as Tensor4D;
        const backbone: Backbone = backbones[spec.backbone];
        const { features, maps } = backbone.withMaps?.(parameters, spec, normalised, batchNorm) ?? {
          features: backbone.features(parameters, spec, normalised, batchNorm),
        };
        const estimate = (of: Tensor3D) => heads[spec.head].estimate(parameters, spec, of, dropout);
        return { ...inContext(parameters, spec, features, past, estimate), ...(maps ? { maps } : {}) };
      });
    },
    dispose: () => disposeParameters(parameters),
  };
}

/** Bodies by features [B,N,F] alone, but where a frame has a past: those by modulated features. */
function inContext(
  parameters: Parameters,
  { context }: RegressorSpec,
  features: Tensor3D,
  past: readonly (readonly number[])[],
  estimate: (features: Tensor3D) => BodyPrediction,
): BodyPrediction {
  const alone = estimate(features);
  const later = past.flatMap((places, i) => (places.length > 0 ? [i] : []));
  if (later.length === 0) return alone;
  const wrong = past.find(({ length }) => length > 0 && length !== context);
  if (wrong || past.length !== features.shape[0])
    throw new ShapeError("regressor past", `[${features.shape[0]}] lists of 0 or ${context}`, [
      past.length,
      ...(wrong ? [wrong.length] : []),
    ]);
  const bodies = pastBodies(alone, later.map((i) => past[i]!)); // biome-ignore format: one line
  const guided = estimate(modulated(parameters, tf.gather(features, tf.tensor1d(later, "int32"), 0), bodies));
  // Rows of the joined predictions: the frame's own, or the one with its past, which stands behind all of those.
  const rows = past.map((_, i) => (later.includes(i) ? past.length + later.indexOf(i) : i));
  const index = tf.tensor1d(rows, "int32");
  const pick = <T extends Tensor>(of: (body: BodyPrediction) => T): T =>
    tf.gather(tf.concat([of(alone), of(guided)], 0), index, 0) as T;
  return {
    rotations: pick(({ rotations }) => rotations),
    betas: pick(({ betas }) => betas),
    camera: pick(({ camera }) => camera),
  };
}

/**
 * The same regressor with room for `context` past predictions, whose weights are seeded so that they change next to nothing
 * yet. Takes over the parameters of `regressor`, which must not be used any more. Throws OptionError for another head.
 */
export function withContext(regressor: Regressor, context: number, seed: number): Regressor {
  const { parameters } = regressor;
  const spec = completeSpec({ ...regressor.spec, context });
  for (const [key, variable] of parameters) {
    if (!key.startsWith("film.")) continue;
    variable.dispose();
    parameters.delete(key);
  }
  const shapes = new Map([...regressorShapes(spec)].filter(([key]) => key.startsWith("film.")));
  const added = parametersFromHost(initialValues(shapes, seed, (key) => heads[spec.head].gain(key)));
  for (const [key, variable] of added) parameters.set(key, variable);
  return regressorWith(spec, parameters);
}

/** A new regressor with seeded weights; what `given` leaves out is SPIN's. It starts from an upright body in the rest pose. */
export function createRegressor(given: Partial<RegressorSpec>, seed: number): Regressor {
  const spec = completeSpec(given);
  const head = heads[spec.head];
  const own = head.shapes(spec, 1);
  const values = initialValues(regressorShapes(spec), seed, (key) => (own.has(key) ? head.gain(key) : 1));
  for (const [key, value] of head.fixedValues(spec)) values.set(key, value);
  return regressorWith(spec, parametersFromHost(values));
}

/**
 * The regressor of a file: `default` (shipped), a file of ours (`.safetensors` or PyTorch's), or a checkpoint of a known
 * format (checkpoint-formats.ts), whose network and sizes are read off names and shapes. `given` states what a file does
 * not hold: `camera` where that is open, `cropSize` ... Throws FormatError that lists missing and unused keys; OptionError
 * where `given` contradicts the file, the camera stays open, or a mean body is needed (`extras`).
 */
export async function loadRegressor(
  path: string,
  given: Partial<RegressorSpec> = {},
  extras: RegressorExtras = {},
): Promise<Regressor> {
  const { spec, tensors } = await readRegressorFile(path === "default" ? SHIPPED : path, given, extras);
  return regressorWith(spec, parametersFromHost(tensors));
}

/**
 * Writes a regressor in PyTorch's layout and under the key names of its origin, its specification and `extra` with it: as
 * safetensors, or for any other ending than `.safetensors` as a PyTorch file.
 */
export async function saveRegressor(
  path: string,
  regressor: Regressor,
  extra: Readonly<Record<string, string>> = {},
  dtype: "float32" | "float16" = "float32",
): Promise<void> {
  await writeRegressorFile(path, regressor.spec, await parametersToHost(regressor.parameters), extra, dtype);
}
