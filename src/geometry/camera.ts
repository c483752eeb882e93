/** @file Cameras: three.js objects hold the matrices, and the differentiable projection reads the same matrices. */
import { type Camera, Matrix4, OrthographicCamera, PerspectiveCamera } from "three";
import { type Tensor2D, type Tensor3D, tf } from "../engine/tf.ts";
import { MotionCueError, ShapeError } from "../errors.ts";

/**
 * What the three numbers (s, tx, ty) of a crop camera mean, for body points X and crop coordinates in [-1,1]: `sX+t`
 * (EFT, ours), `s(X+t)` (HMR, TexturePose), `perspective-5000` (SPIN, HMR2: a pinhole with a focal length of 5000 px at
 * the translation (tx, ty, 2*5000/(S s)), which is s(X+t) in the plane Z = 0).
 */
export const CAMERA_CONVENTIONS = ["sX+t", "s(X+t)", "perspective-5000"] as const;
export type CameraConvention = (typeof CAMERA_CONVENTIONS)[number];
const FOCAL = 5000;

/** A pinhole in pixels: focal length and principal point ((0,0) is the centre of the top-left pixel) of a picture. */
export interface PerspectiveView {
  readonly focal: number;
  readonly cx: number;
  readonly cy: number;
  readonly width: number;
  readonly height: number;
}

/** A square of the full image that was cropped: centre and side in pixels. */
export interface CropPlace {
  readonly cx: number;
  readonly cy: number;
  readonly side: number;
}

/** Projected points. `pixels` [B,N,2]; `depth` [B,N]: smaller is nearer. */
export type Projected = {
  readonly pixels: Tensor3D;
  readonly depth: Tensor2D;
};

/** Points nearer to a pinhole than this (metres) are projected as if they were this far away: no division by zero. */
export const NEAREST = 0.01;
const FARTHEST = 10_000;

/** The orthographic camera whose picture is the crop: x and y in [-1,1] span its edges, y points down, z forward. */
export function cropCamera(): OrthographicCamera {
  return lookForward(new OrthographicCamera(-1, 1, 1, -1, -1, 1));
}

/**
 * The camera that sees body points as the crop camera (s, tx, ty) does: for renderers, and the reference of
 * projectWeak.
 */
export function weakCamera(camera: ArrayLike<number>, convention: CameraConvention, cropSize: number): Camera {
  if (convention === "perspective-5000") {
    const [x, y, z] = pinholeTranslation(camera, cropSize);
    const centre = (cropSize - 1) / 2;
    const view = { focal: FOCAL, cx: centre, cy: centre, width: cropSize, height: cropSize };
    return perspectiveCamera(view, [-x, -y, -z]);
  }
  const [s, tx, ty] = convertCamera(camera, convention, "sX+t");
  return lookForward(new OrthographicCamera((-1 - tx) / s, (1 - tx) / s, (1 + ty) / s, (ty - 1) / s, -1 / s, 1 / s));
}

/** The three.js camera of a pinhole that stands at `position` (metres) and looks along +z with y down. */
export function perspectiveCamera(
  view: PerspectiveView,
  position: readonly [number, number, number] = [0, 0, 0],
): PerspectiveCamera {
  const { focal, cx, cy, width, height } = view;
  const degrees = (2 * Math.atan(height / (2 * focal)) * 180) / Math.PI;
  const camera = new PerspectiveCamera(degrees, width / height, NEAREST, FARTHEST);
  // The sub-view's corner in a picture whose centre the optical axis meets; continuous pixels are half a pixel larger.
  camera.setViewOffset(width, height, width / 2 - (cx + 0.5), height / 2 - (cy + 0.5), width, height);
  camera.position.set(...position);
  return lookForward(camera);
}

/**
 * The 4x4 matrix, row by row, from homogeneous world points to (x w, y w, z w, w) with x, y in pixels ((0,0) is the
 * centre of the top-left pixel): viewport * projection * view of a three.js camera. z is in units of `width`/2, 0 at
 * the near plane.
 */
export function pixelMatrix(camera: Camera, width: number, height: number): Float64Array {
  camera.updateMatrixWorld();
  const viewport = new Matrix4().set(
    ...([width / 2, 0, 0, (width - 1) / 2] as const),
    ...([0, -height / 2, 0, (height - 1) / 2] as const),
    ...([0, 0, width / 2, width / 2] as const),
    ...([0, 0, 0, 1] as const),
  );
  const matrix = viewport.multiply(camera.projectionMatrix).multiply(camera.matrixWorldInverse);
  return Float64Array.from(matrix.transpose().elements);
}

/**
 * Points [B,N,3] through a pixelMatrix. Depth is z for orthographic and the distance along the axis, in metres, for
 * perspective matrices (points behind NEAREST are divided by NEAREST and carry no gradient along the axis).
 * Differentiable. Throws ShapeError.
 */
export function projectPoints(points: Tensor3D, matrix: ArrayLike<number>): Projected {
  if (points.shape[2] !== 3 || matrix.length !== 16) throw new ShapeError("projectPoints", "[B,N,3]", points.shape);
  return tf.tidy(() => {
    const [b, n] = points.shape;
    const m = Array.from(matrix);
    const affine = m[12] === 0 && m[13] === 0 && m[14] === 0 && m[15] === 1;
    const linear = tf.tensor2d([0, 1, 2].map((c) => [0, 1, 2, 3].map((r) => m[4 * r + c]!)));
    const moved = tf.add(tf.matMul(tf.reshape(points, [b * n, 3]), linear), [m[3]!, m[7]!, m[11]!, m[15]!]);
    const [xy, z, w] = tf.split(moved, [2, 1, 1], 1);
    const pixels = affine ? xy! : tf.div(xy!, tf.maximum(w!, NEAREST));
    return {
      pixels: tf.reshape(pixels, [b, n, 2]) as Tensor3D,
      depth: tf.reshape((affine ? z : w)!, [b, n]) as Tensor2D,
    };
  });
}

/**
 * Body points [B,N,3] through crop cameras [B,3] (s, tx, ty) into the pixels of a square crop. Depth of the
 * orthographic conventions is (s Z + 1)/2 * cropSize. Differentiable in points and cameras.
 */
export function projectWeak(
  points: Tensor3D,
  camera: Tensor2D,
  cropSize: number,
  convention: CameraConvention = "sX+t",
): Projected {
  if (camera.shape[1] !== 3 || camera.shape[0] !== points.shape[0])
    throw new ShapeError("projectWeak", `[${points.shape[0]},3] cameras`, camera.shape);
  return tf.tidy(() => {
    const s = tf.reshape(tf.slice(camera, [0, 0], [-1, 1]), [-1, 1, 1]);
    const txy = tf.expandDims(tf.slice(camera, [0, 1], [-1, 2]), 1);
    const withZ = (z: tf.Tensor): tf.Tensor => tf.concat([txy, z], 2);
    if (convention === "perspective-5000") {
      const distance = tf.div(2 * FOCAL, tf.add(tf.mul(s, cropSize), 1e-9));
      const centre = (cropSize - 1) / 2;
      const view = { focal: FOCAL, cx: centre, cy: centre, width: cropSize, height: cropSize };
      const matrix = pixelMatrix(perspectiveCamera(view), cropSize, cropSize);
      return projectPoints(tf.add(points, withZ(distance)), matrix);
    }
    const matrix = pixelMatrix(cropCamera(), cropSize, cropSize);
    const t = withZ(tf.zerosLike(s));
    const placed = convention === "sX+t" ? tf.add(tf.mul(points, s), t) : tf.mul(tf.add(points, t), s);
    return projectPoints(placed as Tensor3D, matrix);
  });
}

/** Points [B,N,3] in camera space through a pinhole; depth in metres. Differentiable in the points. */
export function projectPerspective(points: Tensor3D, view: PerspectiveView): Projected {
  return projectPoints(points, pixelMatrix(perspectiveCamera(view), view.width, view.height));
}

/**
 * One list of points [N*3] through a pixelMatrix on the host: [N*3] of x, y in pixels and depth as projectPoints has
 * it.
 */
export function projectHost(points: ArrayLike<number>, matrix: ArrayLike<number>): Float32Array {
  const m = matrix;
  const affine = m[12] === 0 && m[13] === 0 && m[14] === 0 && m[15] === 1;
  const result = new Float32Array(points.length);
  for (let at = 0; at + 2 < points.length; at += 3) {
    const row = (r: number): number =>
      m[4 * r]! * points[at]! + m[4 * r + 1]! * points[at + 1]! + m[4 * r + 2]! * points[at + 2]! + m[4 * r + 3]!;
    const w = row(3);
    const divisor = affine ? 1 : Math.max(w, NEAREST);
    result[at] = row(0) / divisor;
    result[at + 1] = row(1) / divisor;
    result[at + 2] = affine ? row(2) : w;
  }
  return result;
}

/**
 * The same camera under another convention: exact between `sX+t` and `s(X+t)`, and exact in the plane Z = 0 (the body's
 * root) to and from `perspective-5000`.
 */
export function convertCamera(
  camera: ArrayLike<number>,
  from: CameraConvention,
  to: CameraConvention,
): [s: number, tx: number, ty: number] {
  const [s, tx, ty] = [camera[0]!, camera[1]!, camera[2]!];
  const factor = translationFactor(s, from, to);
  return [s, tx * factor, ty * factor];
}

/** convertCamera for tensors [B,3], differentiable. */
export function convertCameras(camera: Tensor2D, from: CameraConvention, to: CameraConvention): Tensor2D {
  if ((from === "sX+t") === (to === "sX+t")) return tf.clone(camera);
  return tf.tidy(() => {
    const [s, t] = tf.split(camera, [1, 2], 1) as [Tensor2D, Tensor2D];
    return tf.concat([s, to === "sX+t" ? tf.mul(t, s) : tf.div(t, s)], 1) as Tensor2D;
  });
}

/**
 * Where a body stands before a pinhole of focal length `focal` px in the middle of the full image, so that it appears
 * where the crop camera saw it: the translation in metres to add to body points (exact in the plane Z = 0). Source: the
 * conversion that HMR2 uses.
 */
export function cropCameraToFull(
  camera: ArrayLike<number>,
  convention: CameraConvention,
  crop: CropPlace,
  width: number,
  height: number,
  focal: number,
): [x: number, y: number, z: number] {
  const [s, tx, ty] = convertCamera(camera, convention, "s(X+t)");
  const perPixel = 2 / (s * crop.side);
  return [tx + perPixel * (crop.cx - (width - 1) / 2), ty + perPixel * (crop.cy - (height - 1) / 2), focal * perPixel];
}

/** The orthographic camera that shows a body in the full image exactly where the crop camera saw it in the crop. */
export function fullImageCamera(
  camera: ArrayLike<number>,
  convention: CameraConvention,
  crop: CropPlace,
  width: number,
  height: number,
): OrthographicCamera {
  const [s, tx, ty] = convertCamera(camera, convention, "s(X+t)");
  const perPixel = 2 / (s * crop.side);
  const left = -(crop.cx + 0.5) * perPixel - tx;
  const top = -(crop.cy + 0.5) * perPixel - ty;
  const deep = width * perPixel;
  return lookForward(
    new OrthographicCamera(left, left + width * perPixel, -top, -top - height * perPixel, -deep / 2, deep / 2),
  );
}

function translationFactor(s: number, from: CameraConvention, to: CameraConvention): number {
  if ((from === "sX+t") === (to === "sX+t")) return 1;
  if (!(Math.abs(s) > 0)) throw new MotionCueError("camera", `cannot convert from ${from} to ${to} with scale ${s}`);
  return to === "sX+t" ? s : 1 / s;
}

function pinholeTranslation(camera: ArrayLike<number>, cropSize: number): [number, number, number] {
  return [camera[1]!, camera[2]!, (2 * FOCAL) / (cropSize * camera[0]! + 1e-9)];
}

/** Turns a three.js camera (y up, looking along -z) by half a turn about x: y down, looking along +z. */
function lookForward<C extends OrthographicCamera | PerspectiveCamera>(camera: C): C {
  camera.quaternion.set(1, 0, 0, 0);
  camera.updateProjectionMatrix();
  camera.updateMatrixWorld();
  return camera;
}
