/** @file Normals of a mesh's vertices. */

/**
 * [V*3] unit normals of vertices [V*3]: the sum over a vertex's triangles [F*3] of their normals, each as long as the
 * triangle is large; triangles are counter-clockwise seen from outside. (0, 1, 0) where a vertex has no area around it.
 */
export function vertexNormals(vertices: ArrayLike<number>, triangles: ArrayLike<number>): Float32Array {
  const sums = new Float64Array(vertices.length);
  for (let f = 0; f + 2 < triangles.length; f += 3) {
    const corners = [3 * triangles[f]!, 3 * triangles[f + 1]!, 3 * triangles[f + 2]!] as const;
    const [a, b, c] = corners;
    const edge = (to: number, k: number) => vertices[to + k]! - vertices[a + k]!;
    const [ux, uy, uz] = [edge(b, 0), edge(b, 1), edge(b, 2)];
    const [vx, vy, vz] = [edge(c, 0), edge(c, 1), edge(c, 2)];
    const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    for (const corner of corners) for (let k = 0; k < 3; k++) sums[corner + k]! += normal[k]!;
  }
  const out = new Float32Array(vertices.length);
  for (let v = 0; v < vertices.length; v += 3) {
    const length = Math.hypot(sums[v]!, sums[v + 1]!, sums[v + 2]!);
    if (length > 0) for (let k = 0; k < 3; k++) out[v + k] = sums[v + k]! / length;
    else out[v + 1] = 1;
  }
  return out;
}
