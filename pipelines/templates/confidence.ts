/** @file How sure a template's keypoints are, without labels: joined parts meet, all is in the picture, the mirror agrees. */

/** Disagreements, as shares of the picture's side, at which a confidence has fallen to 1/e. */
const ANCHOR_GAP = 0.03;
const FLIP_GAP = 0.05;

/** Points in pixels, (x, y) one after another. */
type Points = ArrayLike<number>;

/**
 * [J] exp(-(d / 0.03)^2) of one picture, d being how far the farthest two of a joint's anchors are apart, in picture sides
 * of `size` pixels: 1 where a joint has one anchor. `anchors` [A*2], `jointAnchors` the indices of each joint's.
 */
export function anchorConfidence(
  anchors: Points,
  jointAnchors: readonly (readonly number[])[],
  size: number,
): Float32Array {
  return Float32Array.from(jointAnchors, (own) => {
    let widest = 0;
    for (const a of own) for (const b of own) widest = Math.max(widest, distance(anchors, a, anchors, b));
    return bell(widest / size, ANCHOR_GAP);
  });
}

/** [J] 1 where all points of a joint (by default joint j itself) are inside a picture of `size` pixels, 0 elsewhere. */
export function boundsConfidence(
  points: Points,
  size: number,
  jointPoints: readonly (readonly number[])[] = Array.from({ length: points.length / 2 }, (_, j) => [j]),
): Float32Array {
  const isInside = (value: number): boolean => value >= -0.5 && value <= size - 0.5;
  return Float32Array.from(
    jointPoints,
    (own) => +own.every((p) => isInside(points[2 * p]!) && isInside(points[2 * p + 1]!)),
  );
}

/**
 * [J] exp(-(d / 0.05)^2), d being the distance of a keypoint from the other side's in the mirrored picture, mirrored back,
 * in picture sides. `mirrored` [J*2] are keypoints in the mirrored picture, `mirror` [J] the other side of each joint.
 */
export function flipConfidence(
  keypoints: Points,
  mirrored: Points,
  mirror: readonly number[],
  size: number,
): Float32Array {
  return Float32Array.from(mirror, (other, j) => {
    const back = [size - 1 - mirrored[2 * other]!, mirrored[2 * other + 1]!];
    return bell(distance(keypoints, j, back, 0) / size, FLIP_GAP);
  });
}

function bell(distance: number, gap: number): number {
  return Math.exp(-((distance / gap) ** 2));
}

function distance(p: Points, a: number, q: Points, b: number): number {
  return Math.hypot(p[2 * a]! - q[2 * b]!, p[2 * a + 1]! - q[2 * b + 1]!);
}
