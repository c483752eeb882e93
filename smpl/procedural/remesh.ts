/**
 * @file Makes a fine mesh coarser and more even: short edges are collapsed, edges are flipped until vertices have about six
 * neighbours (after Botsch and Kobbelt, 2004). Rim vertices stay in their plane x = 0.
 */
import type { HalfMesh } from "./surface-nets.ts";

/** Wanted edge length at a point, metres. */
export type EdgeLength = (x: number, y: number, z: number) => number;

/** Edges below this share of the wanted length are collapsed, unless that made one above the second share. */
const SHORT = 0.8;
const LONG = 1.45;
const MOST_NEIGHBOURS = 9;
/** A face may turn by at most this cosine when it is changed. */
const TURN = 0.3;

/** The mesh with edges of about the wanted length. Connectivity only; slide vertices on the surface afterwards. */
export function coarsen(mesh: HalfMesh, wanted: EdgeLength): HalfMesh {
  const m = editable(mesh);
  for (let pass = 0; pass < 20; pass++) if (collapsePass(m, wanted) === 0) break;
  for (let pass = 0; pass < 4; pass++) if (flipPass(m) === 0) break;
  return compact(m);
}

/** The mesh with edges flipped towards six neighbours each (four at the rim). */
export function flipEdges(mesh: HalfMesh): HalfMesh {
  const m = editable(mesh);
  for (let pass = 0; pass < 3; pass++) if (flipPass(m) === 0) break;
  return compact(m);
}

interface Editable {
  readonly p: Float64Array;
  /** [F*3], -1 in dead faces. */
  readonly faces: Int32Array;
  /** Live faces of each vertex. */
  readonly facesOf: Set<number>[];
}

function editable({ positions, faces }: HalfMesh): Editable {
  const facesOf = Array.from({ length: positions.length / 3 }, () => new Set<number>());
  faces.forEach((v, i) => facesOf[v]!.add(Math.floor(i / 3)));
  return { p: Float64Array.from(positions), faces: Int32Array.from(faces), facesOf };
}

function compact({ p, faces, facesOf }: Editable): HalfMesh {
  const kept = [...facesOf.keys()].filter((v) => facesOf[v]!.size > 0);
  const renamed = new Map(kept.map((v, i) => [v, i]));
  return {
    positions: Float64Array.from(kept.flatMap((v) => [p[3 * v]!, p[3 * v + 1]!, p[3 * v + 2]!])),
    faces: Uint32Array.from([...faces].filter((v) => v >= 0).map((v) => renamed.get(v)!)),
  };
}

function collapsePass(m: Editable, wanted: EdgeLength): number {
  const candidates = edgesOf(m)
    .map(([a, b]) => ({ a, b, ratio: edgeRatio(m, a, b, wanted) }))
    .filter(({ ratio }) => ratio < SHORT)
    .sort((x, y) => x.ratio - y.ratio || x.a - y.a || x.b - y.b);
  const busy = new Set<number>();
  let done = 0;
  for (const { a, b } of candidates) {
    if (busy.has(a) || busy.has(b)) continue;
    const ring = [...neighbours(m, a), ...neighbours(m, b)];
    if (!collapse(m, a, b, wanted)) continue;
    for (const v of ring) busy.add(v);
    done++;
  }
  return done;
}

/** Merges a and b where that keeps a closed surface; says whether it did. */
function collapse(m: Editable, a: number, b: number, wanted: EdgeLength): boolean {
  const rimA = onRim(m, a);
  const rimB = onRim(m, b);
  const [gone, kept] = rimA && !rimB ? [b, a] : [a, b];
  const ringA = neighbours(m, a);
  const ringB = neighbours(m, b);
  const common = ringA.filter((v) => ringB.includes(v));
  const shared = [...m.facesOf[a]!].filter((f) => m.facesOf[b]!.has(f));
  if (common.length !== shared.length || (rimA && rimB && shared.length !== 1)) return false;
  if (ringA.length + ringB.length - common.length - 2 > MOST_NEIGHBOURS) return false;

  const target = [0, 1, 2].map((i) => (rimA === rimB ? (m.p[3 * a + i]! + m.p[3 * b + i]!) / 2 : m.p[3 * kept + i]!));
  const longest = LONG * wanted(target[0]!, target[1]!, target[2]!);
  const reaches = (v: number) => Math.hypot(...target.map((x, i) => x - m.p[3 * v + i]!)) <= longest;
  if (![...ringA, ...ringB].every((v) => v === a || v === b || reaches(v))) return false;
  const moved = [...m.facesOf[a]!, ...m.facesOf[b]!].filter((f) => !shared.includes(f));
  if (moved.some((f) => turns(m, f, gone, kept, target))) return false;

  m.p.set(target, 3 * kept);
  for (const f of shared) removeFace(m, f);
  for (const f of m.facesOf[gone]!) {
    for (let i = 0; i < 3; i++) if (m.faces[3 * f + i] === gone) m.faces[3 * f + i] = kept;
    m.facesOf[kept]!.add(f);
  }
  m.facesOf[gone]!.clear();
  return true;
}

/** Whether face f would turn over or degenerate with `gone` and `kept` both at `target`. */
function turns(m: Editable, f: number, gone: number, kept: number, target: readonly number[]): boolean {
  const corner = (i: number, after: boolean) => {
    const v = m.faces[3 * f + i]!;
    return after && (v === gone || v === kept) ? target : m.p.subarray(3 * v, 3 * v + 3);
  };
  const before = normal(corner(0, false), corner(1, false), corner(2, false));
  const after = normal(corner(0, true), corner(1, true), corner(2, true));
  return !(cosine(before, after) > TURN);
}

function flipPass(m: Editable): number {
  let done = 0;
  for (const [a, b] of edgesOf(m)) {
    const shared = [...m.facesOf[a]!].filter((f) => m.facesOf[b]!.has(f));
    if (shared.length === 2 && flip(m, a, b, shared[0]!, shared[1]!)) done++;
  }
  return done;
}

/** Replaces the edge a-b of two faces by the edge between their other corners when that evens the neighbours' number out. */
function flip(m: Editable, a: number, b: number, first: number, second: number): boolean {
  const c = opposite(m, first, a, b);
  const d = opposite(m, second, a, b);
  if (neighbours(m, c).includes(d)) return false;
  const excess = (v: number, change: number) => (neighbours(m, v).length + change - (onRim(m, v) ? 4 : 6)) ** 2;
  const before = excess(a, 0) + excess(b, 0) + excess(c, 0) + excess(d, 0);
  const after = excess(a, -1) + excess(b, -1) + excess(c, 1) + excess(d, 1);
  if (after >= before) return false;
  // Whether the first face runs a, b, c; then the second runs b, a, d.
  const [p, q] = runs(m, first, a, b) ? [a, b] : [b, a];
  const at = (v: number) => m.p.subarray(3 * v, 3 * v + 3);
  const old = [normal(at(p), at(q), at(c)), normal(at(q), at(p), at(d))] as const;
  const fresh = [normal(at(c), at(d), at(q)), normal(at(d), at(c), at(p))] as const;
  if (fresh.some((n) => old.some((o) => !(cosine(n, o) > 0.6)))) return false;
  removeFace(m, first);
  removeFace(m, second);
  setFace(m, first, [c, d, q]);
  setFace(m, second, [d, c, p]);
  return true;
}

function setFace(m: Editable, f: number, corners: readonly number[]): void {
  m.faces.set(corners, 3 * f);
  for (const v of corners) m.facesOf[v]!.add(f);
}

function removeFace(m: Editable, f: number): void {
  for (let i = 0; i < 3; i++) {
    m.facesOf[m.faces[3 * f + i]!]!.delete(f);
    m.faces[3 * f + i] = -1;
  }
}

function neighbours(m: Editable, v: number): number[] {
  const ring = new Set<number>();
  for (const f of m.facesOf[v]!) for (let i = 0; i < 3; i++) ring.add(m.faces[3 * f + i]!);
  ring.delete(v);
  return [...ring];
}

const onRim = (m: Editable, v: number) => m.p[3 * v] === 0;

const opposite = (m: Editable, f: number, a: number, b: number) =>
  [...m.faces.subarray(3 * f, 3 * f + 3)].find((v) => v !== a && v !== b)!;

const runs = (m: Editable, f: number, a: number, b: number) =>
  [0, 1, 2].some((i) => m.faces[3 * f + i] === a && m.faces[3 * f + ((i + 1) % 3)] === b);

function edgesOf(m: Editable): [number, number][] {
  const edges: [number, number][] = [];
  m.facesOf.forEach((faces, v) => {
    if (faces.size > 0) for (const n of neighbours(m, v)) if (n > v) edges.push([v, n]);
  });
  return edges;
}

function edgeRatio(m: Editable, a: number, b: number, wanted: EdgeLength): number {
  const middle = [0, 1, 2].map((i) => (m.p[3 * a + i]! + m.p[3 * b + i]!) / 2);
  const length = Math.hypot(...[0, 1, 2].map((i) => m.p[3 * a + i]! - m.p[3 * b + i]!));
  return length / wanted(middle[0]!, middle[1]!, middle[2]!);
}

type Point = ArrayLike<number>;

function normal(a: Point, b: Point, c: Point): [number, number, number] {
  const u = [b[0]! - a[0]!, b[1]! - a[1]!, b[2]! - a[2]!] as const;
  const v = [c[0]! - a[0]!, c[1]! - a[1]!, c[2]! - a[2]!] as const;
  return [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
}

const cosine = (a: readonly number[], b: readonly number[]) =>
  (a[0]! * b[0]! + a[1]! * b[1]! + a[2]! * b[2]!) / (Math.hypot(a[0]!, a[1]!, a[2]!) * Math.hypot(b[0]!, b[1]!, b[2]!));
