/** @file Solids as signed distance fields (negative inside, metres, approximate away from the surface) and their smooth unions. */

/** Signed distance at a point. */
export type Field = (x: number, y: number, z: number) => number;

/** How a limb looks where a plane across its axis cuts it. Lengths in metres. */
export interface Station {
  /** Where along the axis. */
  readonly at: number;
  /** Centre of the section in the two other axes (in the order x, y, z). */
  readonly centre: readonly [number, number];
  /** Half width along the first of them. */
  readonly wide: number;
  /** Half widths along the second, to its positive and to its negative side. */
  readonly deep: readonly [number, number];
}

const FAR = 1e3;
/** Beyond this distance of a solid's box its exact distance matters to no blend. */
const REACH = 0.15;
const SAMPLES = 96;
const COLUMNS = 5;

/**
 * A limb: sections along `axis`, interpolated smoothly, with ends rounded by `cap`. `power` 2 makes ellipses, more makes
 * them squarer. The distance is first order: (rho - 1) / |grad rho| of the section's norm rho.
 */
export function loft(axis: 0 | 1 | 2, stations: readonly Station[], cap: number, power = 2): Field {
  const first = stations[0]!.at;
  const last = stations[stations.length - 1]!.at;
  const table = tabulate(stations);
  const step = (SAMPLES - 1) / (last - first);
  const box = boxOf(stations);
  return (x, y, z) => {
    const s = axis === 0 ? x : axis === 1 ? y : z;
    const u = axis === 0 ? y : x;
    const v = axis === 2 ? y : z;
    if (s < first - REACH || s > last + REACH || outside(u, box[0], box[1]) || outside(v, box[2], box[3])) return FAR;
    const position = Math.min(Math.max((s - first) * step, 0), SAMPLES - 1.000001);
    const low = COLUMNS * Math.floor(position);
    const high = low + COLUMNS;
    const mix = position - Math.floor(position);
    const du = u - table[low]! - mix * (table[high]! - table[low]!);
    const dv = v - table[low + 1]! - mix * (table[high + 1]! - table[low + 1]!);
    const side = dv > 0 ? 3 : 4;
    const wide = table[low + 2]! + mix * (table[high + 2]! - table[low + 2]!);
    const deep = table[low + side]! + mix * (table[high + side]! - table[low + side]!);
    const across = sectionDistance(du, dv, wide, deep, power) + cap;
    const along = Math.max(first + cap - s, s - last + cap);
    if (across <= 0 || along <= 0) return Math.max(across, along) - cap;
    return Math.sqrt(across * across + along * along) - cap;
  };
}

function sectionDistance(u: number, v: number, wide: number, deep: number, power: number): number {
  const p = Math.abs(u) / wide;
  const q = Math.abs(v) / deep;
  const rho = power === 2 ? Math.sqrt(p * p + q * q) : (p ** power + q ** power) ** (1 / power);
  if (rho < 1e-9) return -Math.min(wide, deep);
  const gp = (p / rho) ** (power - 1) / wide;
  const gq = (q / rho) ** (power - 1) / deep;
  return (rho - 1) / Math.sqrt(gp * gp + gq * gq);
}

/** An ellipsoid, distance to first order. */
export function ellipsoid(centre: readonly number[], radii: readonly number[]): Field {
  const [cx, cy, cz] = centre as [number, number, number];
  const [rx, ry, rz] = radii as [number, number, number];
  const reach = REACH + Math.max(rx, ry, rz);
  return (x, y, z) => {
    const dx = x - cx;
    const dy = y - cy;
    const dz = z - cz;
    if (dx * dx + dy * dy + dz * dz > reach * reach) return FAR;
    const px = dx / rx;
    const py = dy / ry;
    const pz = dz / rz;
    const rho = Math.sqrt(px * px + py * py + pz * pz);
    if (rho < 1e-9) return -Math.min(rx, ry, rz);
    const gx = px / rx;
    const gy = py / ry;
    const gz = pz / rz;
    return ((rho - 1) * rho) / Math.sqrt(gx * gx + gy * gy + gz * gz);
  };
}

/** The hull of two balls, nearly: a capsule whose radius changes from `radiusA` at `a` to `radiusB` at `b`. */
export function taperedCapsule(a: readonly number[], b: readonly number[], radiusA: number, radiusB: number): Field {
  const [ax, ay, az] = a as [number, number, number];
  const [bx, by, bz] = [b[0]! - ax, b[1]! - ay, b[2]! - az];
  const square = bx * bx + by * by + bz * bz;
  return (x, y, z) => {
    const dx = x - ax;
    const dy = y - ay;
    const dz = z - az;
    const t = Math.min(Math.max((dx * bx + dy * by + dz * bz) / square, 0), 1);
    const ex = dx - t * bx;
    const ey = dy - t * by;
    const ez = dz - t * bz;
    return Math.sqrt(ex * ex + ey * ey + ez * ez) - (radiusA + t * (radiusB - radiusA));
  };
}

/** The union of two distances, rounded over a width of `k` where they meet (quadratic smooth minimum). */
function smoothMin(a: number, b: number, k: number): number {
  const h = k - Math.abs(a - b);
  return h <= 0 ? Math.min(a, b) : Math.min(a, b) - (h * h) / (4 * k);
}

/** The first field with the others added one by one, each rounded over its own width. */
export function blend(first: Field, ...others: readonly (readonly [Field, number])[]): Field {
  return (x, y, z) => {
    let distance = first(x, y, z);
    for (const [field, k] of others) distance = smoothMin(distance, field(x, y, z), k);
    return distance;
  };
}

/** `body` without `tool`, the edge rounded over a width of `k`. */
export function carve(body: Field, tool: Field, k: number): Field {
  return (x, y, z) => -smoothMin(-body(x, y, z), tool(x, y, z), k);
}

/** Sections at equal steps: centre, width and depths by monotone cubic interpolation, so that nothing overshoots. */
function tabulate(stations: readonly Station[]): Float64Array {
  const at = stations.map((s) => s.at);
  const columns = [
    stations.map((s) => s.centre[0]),
    stations.map((s) => s.centre[1]),
    stations.map((s) => s.wide),
    stations.map((s) => s.deep[0]),
    stations.map((s) => s.deep[1]),
  ];
  const table = new Float64Array(SAMPLES * COLUMNS);
  columns.forEach((values, column) => {
    const curve = monotoneCubic(at, values);
    for (let i = 0; i < SAMPLES; i++) {
      const s = at[0]! + ((at[at.length - 1]! - at[0]!) * i) / (SAMPLES - 1);
      table[i * COLUMNS + column] = curve(s);
    }
  });
  return table;
}

/** A smooth curve through (x_i, y_i), x ascending, with no extremum between points (Fritsch and Butland's slopes). */
function monotoneCubic(x: readonly number[], y: readonly number[]): (at: number) => number {
  const count = x.length;
  const secants = Array.from({ length: count - 1 }, (_, i) => (y[i + 1]! - y[i]!) / (x[i + 1]! - x[i]!));
  const slopes = x.map((_, i) => {
    if (i === 0 || i === count - 1) return secants[Math.min(i, count - 2)]!;
    const left = secants[i - 1]!;
    const right = secants[i]!;
    return left * right <= 0 ? 0 : (2 * left * right) / (left + right);
  });
  return (at) => {
    let i = 0;
    while (i < count - 2 && at > x[i + 1]!) i++;
    const width = x[i + 1]! - x[i]!;
    const t = Math.min(Math.max((at - x[i]!) / width, 0), 1);
    const t2 = t * t;
    const t3 = t2 * t;
    return (
      y[i]! * (2 * t3 - 3 * t2 + 1) +
      slopes[i]! * width * (t3 - 2 * t2 + t) +
      y[i + 1]! * (3 * t2 - 2 * t3) +
      slopes[i + 1]! * width * (t3 - t2)
    );
  };
}

function boxOf(stations: readonly Station[]): [number, number, number, number] {
  const low = (f: (s: Station) => number) => Math.min(...stations.map(f)) - REACH;
  const high = (f: (s: Station) => number) => Math.max(...stations.map(f)) + REACH;
  return [
    low((s) => s.centre[0] - s.wide),
    high((s) => s.centre[0] + s.wide),
    low((s) => s.centre[1] - s.deep[1]),
    high((s) => s.centre[1] + s.deep[0]),
  ];
}

const outside = (value: number, low: number, high: number) => value < low || value > high;
