/** @file What must be known of a regressor besides its weights. */
import { OptionError } from "../src/errors.ts";
import { CAMERA_CONVENTIONS, type CameraConvention } from "../src/geometry/camera.ts";
import { ROTATION_6D_LAYOUTS, type Rotation6dLayout } from "../src/geometry/rotation.ts";
import type { ParameterShapes } from "../src/nn/parameters.ts";
import type { Backbone } from "./backbone.ts";
import { type BackboneName, backbones } from "./backbones.ts";
import { type HeadName, heads } from "./heads.ts";

export interface RegressorSpec {
  readonly backbone: BackboneName;
  /** ResNet: channels after the first convolution; HRNet: those of the finest branch; ViT: those of a token. */
  readonly width: number;
  /** Blocks and attention heads of a vision transformer. */
  readonly vit: { readonly depth: number; readonly heads: number };
  readonly head: HeadName;
  /** Width of the head's linear layers, or of the decoder's token. */
  readonly hidden: number;
  /** Layers, attention heads, channels per head and width of the hidden layer of a decoder head. */
  readonly decoder: {
    readonly depth: number;
    readonly heads: number;
    readonly headWidth: number;
    readonly inner: number;
  };
  /** Corrections that the head makes. */
  readonly iterations: number;
  /** Past predictions that may modulate a frame's features (heads/film.ts); 0: every frame by itself. */
  readonly context: number;
  readonly rotation6d: Rotation6dLayout;
  /** How (s, tx, ty) projects the body; a wrong one shifts every vertex. */
  readonly camera: CameraConvention;
  /** Side of the square input, in px. */
  readonly cropSize: number;
  /** Per channel (RGB, 0..1): the network sees (image - mean) / std. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Whose checkpoint it was (see checkpoint-formats.ts): what a PyTorch file of it is laid out as. */
  readonly origin: string;
}

/** SPIN's network with MotionCue's camera; the sizes of transformers are HMR2.0's. */
export const DEFAULT_SPEC: RegressorSpec = {
  backbone: "resnet50",
  width: 64,
  vit: { depth: 32, heads: 16 },
  head: "iterative",
  hidden: 1024,
  decoder: { depth: 6, heads: 8, headWidth: 64, inner: 1024 },
  iterations: 3,
  context: 0,
  rotation6d: "columns-interleaved",
  camera: "sX+t",
  cropSize: 224,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  origin: "motioncue",
};

const LIMITS: Readonly<Record<string, readonly [least: number, most: number]>> = {
  width: [1, 4096],
  "vit.depth": [1, 128],
  "vit.heads": [1, 128],
  hidden: [1, 8192],
  "decoder.depth": [1, 64],
  "decoder.heads": [1, 128],
  "decoder.headWidth": [1, 1024],
  "decoder.inner": [1, 16384],
  iterations: [1, 16],
  context: [0, 8],
  cropSize: [32, 1024],
};

/**
 * A complete, checked specification; what is not given is what the backbone and the head were published with, or that of
 * DEFAULT_SPEC. Throws OptionError.
 */
export function completeSpec(given: Partial<RegressorSpec>, where = "regressor"): RegressorSpec {
  const unknown = Object.keys(given).find((key) => !(key in DEFAULT_SPEC));
  if (unknown)
    throw new OptionError(where, `unknown property "${unknown}"; known: ${Object.keys(DEFAULT_SPEC).join(", ")}`);
  const choice = <K extends keyof RegressorSpec>(key: K, known: readonly string[]) => {
    const value = given[key] ?? DEFAULT_SPEC[key];
    if (known.includes(value as string)) return value;
    throw new OptionError(where, `${key} must be one of ${known.join(", ")}, got "${value}"`);
  };
  const backbone: Backbone = backbones[choice("backbone", Object.keys(backbones)) as BackboneName];
  const head = heads[choice("head", Object.keys(heads)) as HeadName];
  const spec = { ...DEFAULT_SPEC, ...backbone.published, ...head.published, ...defined(given) };
  choice("rotation6d", ROTATION_6D_LAYOUTS);
  choice("camera", CAMERA_CONVENTIONS);
  for (const [path, [least, most]] of Object.entries(LIMITS)) {
    const value = path.split(".").reduce<unknown>((part, key) => (part as Record<string, unknown>)?.[key], spec);
    if (!(Number.isInteger(value) && (value as number) >= least && (value as number) <= most)) {
      throw new OptionError(where, `${path} must be an integer from ${least} to ${most}, got ${value}`);
    }
  }
  for (const key of ["mean", "std"] as const) {
    const values = spec[key];
    if (values.length !== 3 || !values.every((v) => Number.isFinite(v) && (key === "mean" || v > 0))) {
      throw new OptionError(
        where,
        `${key} must be three ${key === "mean" ? "" : "positive "}numbers, got ${values.join(", ")}`,
      );
    }
  }
  if (spec.context > 0 && spec.head !== "iterative")
    throw new OptionError(where, `context is for the iterative head only, got ${spec.context} with ${spec.head}`);
  const problem = backbone.problem?.(spec);
  if (problem) throw new OptionError(where, `backbone ${spec.backbone} ${problem}`);
  return spec;
}

/** Names and shapes of all weights and buffers, PyTorch layout. */
export function regressorShapes(spec: RegressorSpec): ParameterShapes {
  const backbone: Backbone = backbones[spec.backbone];
  const head = heads[spec.head].shapes(spec, backbone.featureCount(spec));
  return new Map([...backbone.shapes(spec), ...head]);
}

/** The backbone, the head and the sizes that weights of these shapes have, as far as shapes tell; see their `recognise`. */
export function recogniseSpec(shapes: ParameterShapes): Partial<RegressorSpec> {
  const first = <T>(table: Readonly<Record<string, T>>, sizes: (entry: T) => Partial<RegressorSpec> | undefined) => {
    for (const [name, entry] of Object.entries(table)) {
      const found = sizes(entry);
      if (found) return [name, found] as const;
    }
    return undefined;
  };
  const backbone = first<Backbone>(backbones, (entry) => entry.recognise(shapes));
  const head = first(heads, (entry) => entry.recognise(shapes));
  return {
    ...(backbone ? { backbone: backbone[0] as BackboneName, ...backbone[1] } : {}),
    ...(head ? { head: head[0] as HeadName, ...head[1] } : {}),
  };
}

function defined(given: Partial<RegressorSpec>): Partial<RegressorSpec> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
