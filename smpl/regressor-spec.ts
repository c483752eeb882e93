/** @file What must be known of a regressor besides its weights. */
import { OptionError } from "../src/errors.ts";
import { CAMERA_CONVENTIONS, type CameraConvention } from "../src/geometry/camera.ts";
import { ROTATION_6D_LAYOUTS, type Rotation6dLayout } from "../src/geometry/rotation.ts";
import type { ParameterShapes } from "../src/nn/parameters.ts";
import { type BackboneName, backbones } from "./backbones.ts";
import { type HeadName, heads } from "./heads.ts";

export interface RegressorSpec {
  readonly backbone: BackboneName;
  /** Channels after the first convolution; 64 in the published networks. */
  readonly width: number;
  readonly head: HeadName;
  /** Width of the head's linear layers. */
  readonly hidden: number;
  /** Corrections that the head makes. */
  readonly iterations: number;
  readonly rotation6d: Rotation6dLayout;
  /** How (s, tx, ty) projects the body; a wrong one shifts every vertex. */
  readonly camera: CameraConvention;
  /** Side of the square input, in px. */
  readonly cropSize: number;
  /** Per channel (RGB, 0..1): the network sees (image - mean) / std. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** SPIN's network with MotionCue's camera. */
export const DEFAULT_SPEC: RegressorSpec = {
  backbone: "resnet50",
  width: 64,
  head: "iterative",
  hidden: 1024,
  iterations: 3,
  rotation6d: "columns-interleaved",
  camera: "sX+t",
  cropSize: 224,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** A complete, checked specification; what is not given is that of DEFAULT_SPEC. Throws OptionError. */
export function completeSpec(given: Partial<RegressorSpec>, where = "regressor"): RegressorSpec {
  const spec = { ...DEFAULT_SPEC, ...given };
  const unknown = Object.keys(given).find((key) => !(key in DEFAULT_SPEC));
  if (unknown)
    throw new OptionError(where, `unknown property "${unknown}"; known: ${Object.keys(DEFAULT_SPEC).join(", ")}`);
  const choice = (key: keyof RegressorSpec, known: readonly string[]) => {
    if (!known.includes(spec[key] as string)) {
      throw new OptionError(where, `${key} must be one of ${known.join(", ")}, got "${spec[key]}"`);
    }
  };
  const integer = (key: keyof RegressorSpec, most: number, least = 1) => {
    const value = spec[key] as number;
    if (!(Number.isInteger(value) && value >= least && value <= most)) {
      throw new OptionError(where, `${key} must be an integer from ${least} to ${most}, got ${value}`);
    }
  };
  choice("backbone", Object.keys(backbones));
  choice("head", Object.keys(heads));
  choice("rotation6d", ROTATION_6D_LAYOUTS);
  choice("camera", CAMERA_CONVENTIONS);
  integer("width", 256);
  integer("hidden", 8192);
  integer("iterations", 16);
  integer("cropSize", 1024, 32);
  for (const key of ["mean", "std"] as const) {
    const values = spec[key];
    if (values.length !== 3 || !values.every((v) => Number.isFinite(v) && (key === "mean" || v > 0))) {
      throw new OptionError(
        where,
        `${key} must be three ${key === "mean" ? "" : "positive "}numbers, got ${values.join(", ")}`,
      );
    }
  }
  return spec;
}

/** Names and shapes of all weights and buffers, PyTorch layout. */
export function regressorShapes(spec: RegressorSpec): ParameterShapes {
  const backbone = backbones[spec.backbone];
  const head = heads[spec.head].shapes(spec, backbone.featureCount(spec.width));
  return new Map([...backbone.shapes(spec.width), ...head]);
}
