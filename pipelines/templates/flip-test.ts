/** @file The flip test: what is found in a picture and in its mirror image is averaged. */

/**
 * Of keypoints [B*J*2] in pictures of `size` pixels, and of `mirrored` [B*J*2] in their mirror images: the means of both, as
 * seen in the pictures. Which sides the mirror image's keypoints are of is read, picture by picture, as it agrees better with
 * the picture's own; `mirror` [J] names each joint's other side. Not finite where either is not.
 */
export function meanWithMirror(
  own: Float32Array,
  mirrored: Float32Array,
  mirror: readonly number[],
  size: number,
): Float32Array {
  const width = 2 * mirror.length;
  const unchanged = mirror.map((_, joint) => joint);
  const mean = new Float32Array(own.length);
  for (let begin = 0; begin < own.length; begin += width) {
    const readAs = (joints: readonly number[]) =>
      joints.flatMap((joint) => [size - 1 - mirrored[begin + 2 * joint]!, mirrored[begin + 2 * joint + 1]!]);
    const distance = (reading: readonly number[]) =>
      reading.reduce((sum, value, k) => sum + (value - own[begin + k]!) ** 2, 0);
    const [exchanged, same] = [readAs(mirror), readAs(unchanged)];
    const nearer = distance(same) < distance(exchanged) ? same : exchanged;
    for (const [k, value] of nearer.entries()) mean[begin + k] = (own[begin + k]! + value) / 2;
  }
  return mean;
}
