/** @file What every file of predictions is made from: one person of a picture or video, frame by frame. */
import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { cropCameraToFull } from "../../src/geometry/camera.ts";
import type { PersonFrame } from "../bodies/predict.ts";

/** What all frames of one person's file share. */
export interface PredictionInfo {
  /** The picture or video. */
  readonly source: string;
  readonly track: number;
  /** Frames per second; 0 for a picture. */
  readonly fps: number;
  readonly width: number;
  readonly height: number;
  readonly cropSize: number;
  readonly betaCount: number;
}

/** A file in the making: it appears under its name with `close`, whole, or not at all. */
export interface PredictionWriter {
  /** The file, or the folder where a format has one file per frame. */
  readonly path: string;
  write(person: PersonFrame): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** Begins the file of one person. */
export type PredictionFormat = (path: string, info: PredictionInfo, body: BodyArrays) => Promise<PredictionWriter>;

/** The focal length in px that `trans` assumes, since a crop camera has none: the picture's diagonal (a field of 53 degrees). */
export function assumedFocal(width: number, height: number): number {
  return Math.hypot(width, height);
}

/**
 * Metres to add to the person's vertices and joints so that a pinhole of the assumed focal length, in the middle of the
 * picture at the origin (x right, y down, z forward), sees them where the crop camera did.
 */
export function placement(
  { square, prediction }: Pick<PersonFrame, "square" | "prediction">,
  { width, height }: Pick<PredictionInfo, "width" | "height">,
): [x: number, y: number, z: number] {
  return cropCameraToFull(prediction.camera, "sX+t", square, width, height, assumedFocal(width, height));
}
