/**
 * @file Flat things that stand upright, parallel to the wall: obstacles before the person, furniture, plants and passers-by
 * behind. Each is a rectangle in which a shape is cut out.
 */
import { type Noise, smoothStep } from "./noise.ts";
import { toCamera, type View, type Viewpoint } from "./viewpoint.ts";

/** Writes the colour of a plane's point (u, v), metres, into `out`; details finer than `pixel` metres are left out. */
export type Plane = (u: number, v: number, pixel: number, out: Float64Array) => void;

/** A thing in the plane z. Its pattern goes along when it moves. */
export interface Board {
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
  readonly z: number;
  readonly plane: Plane;
  /** What is cut out of the rectangle; unless given, all of it. */
  readonly shape?: BoardShape;
  /** Metres per second towards +x; the place given is that at t = 0. */
  readonly speed?: number;
}

/** Metres from (u, v) of a board to its outline, positive inside, and a factor on its colour there. */
export interface BoardShape {
  inside(u: number, v: number): number;
  shade(u: number, v: number): number;
}

/** How far a board has moved by `t` seconds. */
export function boardShift(board: Board, t: number): number {
  return (board.speed ?? 0) * t;
}

/** How far (u, v), board coordinates before any shift, is inside a board, metres; negative outside. */
export function insideBoard(board: Board, u: number, v: number): number {
  const inside = Math.min(u - board.x0, board.x1 - u, v - board.y0, board.y1 - v);
  return inside > 0 && board.shape ? Math.min(inside, board.shape.inside(u, v)) : inside;
}

/** The pixels that a board may touch, as whole numbers (x1 and y1 exclusive); all of the picture where it reaches behind the camera. */
export function boardPixels(
  board: Board,
  t: number,
  from: Viewpoint,
  view: View,
): readonly [number, number, number, number] {
  const shift = boardShift(board, t);
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const x of [board.x0 + shift, board.x1 + shift]) {
    for (const y of [board.y0, board.y1]) {
      const [cx, cy, cz] = toCamera(from, x, y, board.z);
      if (cz < 0.05) return [0, 0, view.width, view.height];
      const px = (view.focal * cx) / cz + view.cx;
      const py = (view.focal * cy) / cz + view.cy;
      [x0, y0, x1, y1] = [Math.min(x0, px), Math.min(y0, py), Math.max(x1, px), Math.max(y1, py)];
    }
  }
  return [
    Math.max(0, Math.floor(x0) - 2),
    Math.max(0, Math.floor(y0) - 2),
    Math.min(view.width, Math.ceil(x1) + 3),
    Math.min(view.height, Math.ceil(y1) + 3),
  ];
}

const colour = new Float64Array(3);

/** Paints a board over `out` [H*W*3] and, where it covers more than half of a pixel, its depth over `depth`; edges are soft. */
export function paintBoard(
  board: Board,
  t: number,
  from: Viewpoint,
  view: View,
  out: Float32Array,
  light?: readonly [number, number, number],
  depth?: Float32Array,
): void {
  const r = from.rotation;
  const [px, py, pz] = from.position;
  const shift = boardShift(board, t);
  const [x0, y0, x1, y1] = boardPixels(board, t, from, view);
  for (let y = y0; y < y1; y++) {
    const b = (y - view.cy) / view.focal;
    for (let x = x0, o = 3 * (y * view.width + x0); x < x1; x++, o += 3) {
      const a = (x - view.cx) / view.focal;
      const dz = r[2]! * a + r[5]! * b + r[8]!;
      const reach = (board.z - pz) / dz;
      if (!(reach > 0)) continue;
      const u = px + reach * (r[0]! * a + r[3]! * b + r[6]!) - shift;
      const v = py + reach * (r[1]! * a + r[4]! * b + r[7]!);
      const pixel = reach / view.focal;
      const inside = insideBoard(board, u, v);
      if (inside < -pixel) continue;
      const cover = smoothStep(-0.7 * pixel, 0.7 * pixel, inside);
      board.plane(u, v, pixel, colour);
      const shade = board.shape ? board.shape.shade(u, v) : 1;
      for (let c = 0; c < 3; c++) {
        const own = light ? colour[c]! * shade * light[c]! : colour[c]!;
        out[o + c]! += cover * (own - out[o + c]!);
      }
      if (depth && cover > 0.5) depth[o / 3] = reach;
    }
  }
}

type Cut = Pick<Board, "x0" | "x1" | "y0" | "y1">;

const evenly = () => 1;

/** Shapes by name, for a board of that size. */
export const BOARD_SHAPES = {
  box: (): BoardShape => ({ inside: () => Number.POSITIVE_INFINITY, shade: evenly }),
  /** A pillar: shaded as a cylinder. */
  pole: ({ x0, x1 }: Cut): BoardShape => ({
    inside: () => Number.POSITIVE_INFINITY,
    shade: (u) => 0.45 + 0.55 * Math.sqrt(Math.max(0, 1 - ((2 * (u - x0)) / (x1 - x0) - 0.75) ** 2)),
  }),
  /** A ball, a sign, a round table seen from the side. */
  disc: ({ x0, x1, y0, y1 }: Cut): BoardShape => {
    const [mx, my, rx, ry] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2];
    return {
      inside: (u, v) => (1 - Math.hypot((u - mx) / rx, (v - my) / ry)) * Math.min(rx, ry),
      shade: (u, v) => 1 - 0.4 * Math.hypot((u - mx) / rx - 0.3, (v - my) / ry - 0.4) ** 2,
    };
  },
  /** Narrower at the top: a lamp, a cone, a coat on a stand. */
  cone: ({ x0, x1, y0, y1 }: Cut): BoardShape => ({
    inside: (u, v) => ((x1 - x0) / 2) * (1 - (0.8 * (v - y0)) / (y1 - y0)) - Math.abs(u - (x0 + x1) / 2),
    shade: (u) => 1 - (0.5 * Math.abs(u - (x0 + x1) / 2)) / (x1 - x0),
  }),
  /** Leaves with holes between them, on a stem. */
  plant: ({ x0, x1, y0, y1 }: Cut, noise: Noise): BoardShape => {
    const [mx, my, rx, ry] = [(x0 + x1) / 2, y0 + 0.62 * (y1 - y0), (x1 - x0) / 2, 0.38 * (y1 - y0)];
    return {
      inside: (u, v) => {
        const crown = (1 - Math.hypot((u - mx) / rx, (v - my) / ry)) * Math.min(rx, ry);
        const leaves = 0.06 * (noise.plane(16 * u, 16 * v) + 0.5 * noise.plane(37 * u, 37 * v) + 0.35);
        return Math.max(Math.min(crown + 0.04, leaves), 0.015 - Math.abs(u - mx) - Math.max(0, v - my));
      },
      shade: (u, v) => 0.8 + 0.4 * noise.plane(30 * u, 30 * v),
    };
  },
  /** A frame to look through: a fence, a ladder, a rack. */
  bars: ({ x0, x1, y0, y1 }: Cut): BoardShape => {
    const step = Math.max(0.18, (x1 - x0) / 4);
    return {
      inside: (u, v) => {
        const [across, up] = [(u - x0) % step, (v - y0) % (1.7 * step)];
        const near = (s: number, period: number) => Math.min(s, period - s);
        return 0.03 - Math.min(near(across, step), near(up, 1.7 * step), u - x0, x1 - u, y1 - v);
      },
      shade: evenly,
    };
  },
  /** Someone who passes: head, trunk and legs in outline. */
  passer: ({ x0, x1, y0, y1 }: Cut): BoardShape => {
    const [mx, w, h] = [(x0 + x1) / 2, (x1 - x0) / 2, y1 - y0];
    return {
      inside: (u, v) => {
        const [x, y] = [Math.abs(u - mx) / w, (v - y0) / h];
        const head = 0.07 * h - Math.hypot(u - mx, v - y0 - 0.93 * h);
        const trunk = w * Math.min(1 - x, 4 * (y - 0.42), 4 * (0.85 - y) + 0.3 - x);
        const leg = w * Math.min(0.75 - x, x - 0.12, 4 * (0.5 - y));
        return Math.max(head, trunk, leg);
      },
      shade: (u, v) => 0.7 + (0.3 * (v - y0)) / h - (0.2 * Math.abs(u - mx)) / w,
    };
  },
} as const;
