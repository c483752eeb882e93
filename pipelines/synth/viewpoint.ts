/** @file Where the camera of a synthetic scene is, how it moves, and how it projects. World: y up, the floor is y = 0, metres. */
import type { Random } from "../../src/random.ts";

/** A camera in the world: camera point = rotation * (world point - position); camera axes x right, y down, z forward. */
export interface Viewpoint {
  /** [9] row-major: the camera's right, down and forward directions in the world. */
  readonly rotation: Float64Array;
  readonly position: readonly [number, number, number];
}

/** A perspective picture: px = focal * X / Z + cx, py = focal * Y / Z + cy, pixel centres at integers. */
export interface View {
  readonly width: number;
  readonly height: number;
  /** Pixels. */
  readonly focal: number;
  readonly cx: number;
  readonly cy: number;
}

/** A camera on the +z side of the origin that looks at `target` (defaults to a person's middle) from `position`. */
export function lookAt(
  position: readonly [number, number, number],
  target: readonly [number, number, number],
  roll = 0,
): Viewpoint {
  const forward = unit([target[0] - position[0], target[1] - position[1], target[2] - position[2]]);
  const level = unit(cross(forward, [0, 1, 0]));
  const down0 = cross(forward, level);
  const [c, s] = [Math.cos(roll), Math.sin(roll)];
  const right = level.map((x, i) => c * x + s * down0[i]!);
  const down = level.map((x, i) => c * down0[i]! - s * x);
  return { rotation: Float64Array.from([...right, ...down, ...forward]), position };
}

/** A camera's way through time. */
export interface CameraPath {
  /** Distance to the person at the start, metres. */
  readonly distance: number;
  at(t: number): Viewpoint;
}

/**
 * Draws a camera 3.5 to 9 m from the origin, between knee and overhead height, that looks at a person there. Two of three
 * move: slow sway of position and aim, as held in the hand.
 */
export function createCameraPath(random: Random): CameraPath {
  const distance = random.uniform(3.5, 9);
  const azimuth = random.uniform(-0.5, 0.5);
  const height = 0.95 + distance * Math.sin(random.uniform(-0.08, 0.32));
  const aim = [random.normal(0, 0.05), 0.9 + random.normal(0, 0.06), 0] as const;
  const roll = random.normal(0, 0.03);
  const moving = random.next() < 0.67 ? 1 : 0;
  const sway = Array.from({ length: 6 }, (_, i) => ({
    size: moving * random.uniform(0, i < 3 ? 0.14 : 0.07),
    rate: random.uniform(0.4, 1.6),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  const shift = (i: number, t: number) => sway[i]!.size * Math.sin(sway[i]!.rate * t + sway[i]!.phase);
  return {
    distance,
    at: (t) =>
      lookAt(
        [
          distance * Math.sin(azimuth) + shift(0, t),
          Math.max(0.15, height + shift(1, t)),
          distance * Math.cos(azimuth) + shift(2, t),
        ],
        [aim[0] + shift(3, t), aim[1] + shift(4, t), aim[2] + shift(5, t)],
        roll,
      ),
  };
}

/** A world point in camera space. */
export function toCamera(view: Viewpoint, x: number, y: number, z: number): [number, number, number] {
  const { rotation: r, position } = view;
  const dx = x - position[0];
  const dy = y - position[1];
  const dz = z - position[2];
  return [
    r[0]! * dx + r[1]! * dy + r[2]! * dz,
    r[3]! * dx + r[4]! * dy + r[5]! * dz,
    r[6]! * dx + r[7]! * dy + r[8]! * dz,
  ];
}

/** Projects camera-space points [N*3] to (px, py, depth) triples in `out` [N*3]. */
export function projectInto(points: Float32Array, { focal, cx, cy }: View, out: Float32Array): void {
  for (let i = 0; i < points.length; i += 3) {
    const z = points[i + 2]!;
    out[i] = (focal * points[i]!) / z + cx;
    out[i + 1] = (focal * points[i + 1]!) / z + cy;
    out[i + 2] = z;
  }
}

function cross(a: readonly number[], b: readonly number[]): number[] {
  return [a[1]! * b[2]! - a[2]! * b[1]!, a[2]! * b[0]! - a[0]! * b[2]!, a[0]! * b[1]! - a[1]! * b[0]!];
}

function unit(a: readonly number[]): number[] {
  const length = Math.hypot(a[0]!, a[1]!, a[2]!);
  return a.map((x) => x / length);
}
