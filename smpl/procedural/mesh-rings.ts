/** @file What a triangle mesh's vertices know of their neighbours: rings, normals, smoothing of values over the surface. */

/** The neighbours of each vertex. */
export function vertexRings(vertexCount: number, faces: Uint32Array): number[][] {
  const rings = Array.from({ length: vertexCount }, () => new Set<number>());
  for (let f = 0; f < faces.length; f += 3)
    for (let i = 0; i < 3; i++) {
      rings[faces[f + i]!]!.add(faces[f + ((i + 1) % 3)]!);
      rings[faces[f + i]!]!.add(faces[f + ((i + 2) % 3)]!);
    }
  return rings.map((ring) => [...ring].sort((a, b) => a - b));
}

/** Unit normals [V*3], outward for counter-clockwise faces, weighted by face area. */
export function vertexNormals(positions: ArrayLike<number>, faces: Uint32Array): Float64Array {
  const normals = new Float64Array(positions.length);
  for (let f = 0; f < faces.length; f += 3) {
    const corners = [3 * faces[f]!, 3 * faces[f + 1]!, 3 * faces[f + 2]!] as const;
    const side = (to: number, a: number) => positions[corners[to]! + a]! - positions[corners[0] + a]!;
    for (let a = 0; a < 3; a++) {
      const b = (a + 1) % 3;
      const c = (a + 2) % 3;
      const component = side(1, b) * side(2, c) - side(1, c) * side(2, b);
      for (const corner of corners) normals[corner + a]! += component;
    }
  }
  for (let v = 0; v < normals.length; v += 3) {
    const length = Math.hypot(normals[v]!, normals[v + 1]!, normals[v + 2]!) || 1;
    for (let a = 0; a < 3; a++) normals[v + a]! /= length;
  }
  return normals;
}

/** Values [V*channels] after `rounds` of moving half-way to the mean of each vertex's ring. */
export function smoothOverMesh(
  values: Float64Array,
  channels: number,
  rings: readonly (readonly number[])[],
  rounds: number,
): Float64Array {
  let current = values;
  for (let round = 0; round < rounds; round++) {
    const next = new Float64Array(current.length);
    rings.forEach((ring, v) => {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (const n of ring) sum += current[n * channels + c]!;
        next[v * channels + c] = 0.5 * current[v * channels + c]! + (0.5 * sum) / ring.length;
      }
    });
    current = next;
  }
  return current;
}

/** 0 below `from`, 1 above `to`, smooth between (cubic Hermite). */
export function smoothStep(from: number, to: number, value: number): number {
  const t = Math.min(Math.max((value - from) / (to - from), 0), 1);
  return t * t * (3 - 2 * t);
}
