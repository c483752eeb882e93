/** @file Joints as weighted means of the vertices around them. */

/** Gaussian reach of a joint's ring of vertices, beyond the nearest one. Metres. */
const REACH = 0.035;

/**
 * Regressor [J*V] whose rows sum to 1 and give the joints at `places` [J] in the surface `positions` [V*3]. A row is a Gaussian of the distance to the
 * joint, corrected as little as possible (weighted least squares) so that the mean is exactly the joint:
 * w = g (1 + l . (1, v - J)) with the four multipliers l from sum w = 1, sum w (v - J) = 0.
 */
export function jointRegressor(
  positions: Float64Array,
  places: readonly (readonly [number, number, number])[],
): Float64Array {
  const count = positions.length / 3;
  const out = new Float64Array(places.length * count);
  places.forEach((joint, j) => {
    const offset = (v: number) => [1, ...joint.map((x, a) => positions[3 * v + a]! - x)];
    const distances = Array.from({ length: count }, (_, v) => Math.hypot(...offset(v).slice(1)));
    const nearest = Math.min(...distances);
    const prior = distances.map((d) => Math.exp(-(((d - nearest) / REACH) ** 2) / 2)).map((g) => (g < 1e-3 ? 0 : g));
    const total = prior.reduce((a, b) => a + b, 0);
    const normal = Array.from({ length: 4 }, () => new Array<number>(4).fill(0));
    prior.forEach((g, v) => {
      if (g === 0) return;
      const row = offset(v);
      for (let a = 0; a < 4; a++) for (let b = 0; b < 4; b++) normal[a]![b]! += (g / total) * row[a]! * row[b]!;
    });
    const multipliers = solve(normal, [1, 0, 0, 0]);
    prior.forEach((g, v) => {
      if (g > 0) out[j * count + v] = (g / total) * offset(v).reduce((sum, x, a) => sum + x * multipliers[a]!, 0);
    });
  });
  return out;
}

/** Solves a small linear system by Gaussian elimination with pivoting. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  const size = rows.length;
  for (let i = 0; i < size; i++) {
    const pivot = rows
      .slice(i)
      .reduce((best, row, k) => (Math.abs(row[i]!) > Math.abs(rows[best]![i]!) ? i + k : best), i);
    [rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!];
    for (let k = 0; k < size; k++) {
      if (k === i) continue;
      const factor = rows[k]![i]! / rows[i]![i]!;
      for (let c = i; c <= size; c++) rows[k]![c]! -= factor * rows[i]![c]!;
    }
  }
  return rows.map((row, i) => row[size]! / row[i]!);
}
