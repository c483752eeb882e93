/** @file Outlines of synthetic objects as signed distances. */
import type { Random } from "../../src/random.ts";
import type { Distance, Point } from "./layer.ts";

/** A shape and the box that holds it. */
export interface Shape {
  readonly distance: Distance;
  readonly box: readonly [number, number, number, number];
}

/** A limb: all points nearer to the segment a-b than a radius that goes from `ra` to `rb` along it. */
export function capsule(a: Point, b: Point, ra: number, rb: number): Shape {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const scale = 1 / Math.max(1e-9, dx * dx + dy * dy);
  const r = Math.max(ra, rb);
  return {
    distance: (x, y) => {
      const t = Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) * scale));
      const [ex, ey] = [x - a[0] - t * dx, y - a[1] - t * dy];
      return Math.sqrt(ex * ex + ey * ey) - (ra + t * (rb - ra));
    },
    box: [Math.min(a[0], b[0]) - r, Math.min(a[1], b[1]) - r, Math.max(a[0], b[0]) + r, Math.max(a[1], b[1]) + r],
  };
}

/** A closed wavy outline around `centre` with mean radius `radius` (distance is measured along the ray from the centre). */
export function blob(random: Random, centre: Point, radius: number): Shape {
  const waves = Array.from({ length: 4 }, (_, k) => ({
    n: k + 1,
    size: random.uniform(0, 0.35) / (k + 1),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  const reach = radius * (1 + waves.reduce((sum, wave) => sum + wave.size, 0));
  return {
    distance: (x, y) => {
      const [dx, dy] = [x - centre[0], y - centre[1]];
      const away = Math.sqrt(dx * dx + dy * dy);
      if (away > reach) return away - reach;
      const angle = Math.atan2(dy, dx);
      let r = 1;
      for (const wave of waves) r += wave.size * Math.cos(wave.n * angle + wave.phase);
      return away - radius * r;
    },
    box: [centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach],
  };
}

/** A turned rectangle with half sides `hx`, `hy` and rounded corners. */
export function plate(centre: Point, hx: number, hy: number, angle: number, corner: number): Shape {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const reach = Math.hypot(hx, hy);
  return {
    distance: (x, y) => {
      const [dx, dy] = [x - centre[0], y - centre[1]];
      const u = Math.abs(cos * dx + sin * dy) - hx + corner;
      const v = Math.abs(cos * dy - sin * dx) - hy + corner;
      const outside = Math.sqrt(Math.max(u, 0) ** 2 + Math.max(v, 0) ** 2);
      return outside + Math.min(Math.max(u, v), 0) - corner;
    },
    box: [centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach],
  };
}
