/** @file Pictures of stick figures on a still background, to train template estimators on in tests. */
import type { Tensor4D } from "../../src/engine/tf.ts";
import { tf } from "../../src/engine/tf.ts";
import type { Random } from "../../src/random.ts";

/** [count,size,size,3] in 0..1: figures whose limbs and places differ, all before the same striped background. */
export function stickFigures(count: number, size: number, random: Random): Tensor4D {
  const data = new Float32Array(count * size * size * 3);
  for (let picture = 0; picture < count; picture++) {
    const [x, y] = [random.uniform(0.42, 0.58), random.uniform(0.5, 0.58)];
    const limb = (from: readonly [number, number], angle: number, length: number) =>
      [from, [from[0] + length * Math.sin(angle), from[1] + length * Math.cos(angle)]] as const;
    const chest = [x, y - 0.24] as const;
    const bones = [
      limb([x, y], Math.PI, 0.38),
      ...[-1, 1].flatMap((side) => [
        limb(chest, side * random.uniform(0.3, 1.5), 0.24),
        limb([x, y], side * random.uniform(0.1, 0.5), 0.32),
      ]),
    ];
    for (let i = 0; i < size * size; i++) {
      const [px, py] = [((i % size) + 0.5) / size, (Math.floor(i / size) + 0.5) / size];
      const near = Math.max(...bones.map(([a, b]) => Math.exp(-squaredDistance(px, py, a, b) / 0.0008)));
      for (let c = 0; c < 3; c++) {
        const behind = 0.35 + 0.15 * Math.sin(9 * px + c) * Math.cos(7 * py);
        data[(picture * size * size + i) * 3 + c] = behind + near * ([0.9, 0.75, 0.6][c]! - behind);
      }
    }
  }
  return tf.tensor4d(data, [count, size, size, 3]);
}

function squaredDistance(x: number, y: number, a: readonly number[], b: readonly number[]): number {
  const [dx, dy] = [b[0]! - a[0]!, b[1]! - a[1]!];
  const share = Math.min(1, Math.max(0, ((x - a[0]!) * dx + (y - a[1]!) * dy) / (dx * dx + dy * dy)));
  return (x - a[0]! - share * dx) ** 2 + (y - a[1]! - share * dy) ** 2;
}
