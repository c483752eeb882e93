/** @file Where a person stands before a pinhole, from 3D joints and their pixels: weighted linear least squares. */
import { MotionCueError, ShapeError } from "../errors.ts";
import type { PerspectiveView } from "./camera.ts";

/**
 * The translation (metres) that makes `joints` [N*3], moved by it, fall on `keypoints` [N*2] (pixels, (0,0) is the
 * centre of the top-left pixel) best, each joint weighted by its confidence [N]. Source: SPIN's estimate_translation:
 * rows sqrt(c) [f, 0, cx-u] T = sqrt(c) ((u-cx) Z - f X), and the same for v. Throws ShapeError, or MotionCueError when
 * fewer than two joints count.
 */
export function estimateTranslation(
  joints: ArrayLike<number>,
  keypoints: ArrayLike<number>,
  confidence: ArrayLike<number>,
  view: Pick<PerspectiveView, "focal" | "cx" | "cy">,
): [x: number, y: number, z: number] {
  const count = confidence.length;
  if (joints.length !== 3 * count || keypoints.length !== 2 * count)
    throw new ShapeError("estimateTranslation", `[${count},3] joints and [${count},2] keypoints`, [joints.length]);
  // The normal equations: [[a,0,b],[0,a,c],[b,c,d]] T = (p, q, r).
  let [a, b, c, d, p, q, r] = [0, 0, 0, 0, 0, 0, 0];
  const { focal } = view;
  for (let i = 0; i < count; i++) {
    const weight = confidence[i]!;
    const u = keypoints[2 * i]! - view.cx;
    const v = keypoints[2 * i + 1]! - view.cy;
    const [x, y, z] = [joints[3 * i]!, joints[3 * i + 1]!, joints[3 * i + 2]!];
    const right = u * z - focal * x;
    const down = v * z - focal * y;
    a += weight * focal * focal;
    b -= weight * focal * u;
    c -= weight * focal * v;
    d += weight * (u * u + v * v);
    p += weight * focal * right;
    q += weight * focal * down;
    r -= weight * (u * right + v * down);
  }
  const pivot = d - (b * b + c * c) / a;
  if (!(a > 0) || !(pivot > 1e-9 * d))
    throw new MotionCueError(
      "estimateTranslation",
      "needs at least two joints of positive confidence at different pixels",
    );
  const z = (r - (b * p + c * q) / a) / pivot;
  return [(p - b * z) / a, (q - c * z) / a, z];
}
