/** @file Skin weights as graphics cards take them: at most four joints per vertex. */

/** What engines and file formats allow everywhere. */
export const MOST_INFLUENCES = 4;

/** The joints that move each vertex and by how much. */
export interface SkinInfluences {
  /** [V*4] joint indices, 0 where unused. */
  readonly indices: Uint16Array;
  /** [V*4] greatest first; each vertex's sum to 1. */
  readonly weights: Float32Array;
}

/** The four greatest weights of each row of [V*J], scaled so that they sum to 1 again. */
export function strongestWeights(weights: Float32Array, jointCount: number): SkinInfluences {
  const vertexCount = weights.length / jointCount;
  const indices = new Uint16Array(MOST_INFLUENCES * vertexCount);
  const kept = new Float32Array(MOST_INFLUENCES * vertexCount);
  for (let v = 0; v < vertexCount; v++) {
    const row = weights.subarray(v * jointCount, (v + 1) * jointCount);
    const order = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]! || a - b);
    const strongest = order.slice(0, MOST_INFLUENCES).filter((j) => row[j]! > 0);
    const sum = strongest.reduce((total, j) => total + row[j]!, 0);
    strongest.forEach((joint, i) => {
      indices[MOST_INFLUENCES * v + i] = joint;
      kept[MOST_INFLUENCES * v + i] = row[joint]! / sum;
    });
  }
  return { indices, weights: kept };
}
