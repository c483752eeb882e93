/** @file A flat jointed figure: torso, head, arms and legs, every segment with its own exact motion. */
import type { Random } from "../../src/random.ts";
import { applyMap, invert, type Layer, type PlaneMap, type Point, similarity } from "./layer.ts";
import { moved, randomAppearance } from "./scene-appearance.ts";
import { capsule } from "./shapes.ts";
import type { Texture } from "./textures.ts";

/** Lengths and radii in units of the figure's height. */
const TORSO = { length: 0.3, hip: 0.085, chest: 0.1 };
const LIMBS = {
  arm: { attach: 0.27, aside: 0.1, segments: [[0.17, 0.042, 0.034], [0.2, 0.034, 0.022]] },
  leg: { attach: 0, aside: 0.05, segments: [[0.24, 0.062, 0.046], [0.26, 0.046, 0.03]] },
} as const; // biome-ignore format: a table

/** One segment in both frames. */
interface Segment {
  readonly from: Point;
  readonly to: Point;
  readonly fromNext: Point;
  readonly toNext: Point;
  readonly radii: readonly [number, number];
}

type Appearance = ReturnType<typeof randomAppearance>;

/** The layers of one figure somewhere in the picture, its far limbs first. It goes along with `camera` or stands for itself. */
export function figureLayers(
  random: Random,
  size: number,
  textures: readonly Texture[],
  camera: PlaneMap,
  speed: number,
): Layer[] {
  const height = size * random.uniform(0.35, 1.15);
  const hip: Point = [size * random.uniform(0.15, 0.85), size * random.uniform(0.25, 0.75)];
  const lean = random.normal(0, 0.35);
  const base = random.next() < 0.5 ? applyMap(camera, hip[0], hip[1]) : hip;
  const hipNext = moved(random, base, speed * random.next() * 0.7);
  const swing = (reach: number) => limited((random.normal() * speed * 0.7) / reach, 0.9);
  const leanNext = lean + swing(0.6 * height) * 0.5;
  const [cloth, trousers, skin] = [0, 1, 2].map(() => randomAppearance(random, random.pick(textures)));
  const layer = (segment: Segment, appearance: Appearance) => segmentLayer(segment, appearance);

  const torso = segmentAt(random, [hip, hipNext], [lean, leanNext], TORSO.length * height, [TORSO.hip * height, TORSO.chest * height]); // biome-ignore format: one segment
  const head = segmentAt(
    random,
    [point(torso.from, torso.to, 1.2), point(torso.fromNext, torso.toNext, 1.2)],
    [lean + random.normal(0, 0.2), leanNext + random.normal(0, 0.2)],
    0.07 * height,
    [0.055 * height, 0.06 * height],
  );
  const limb = (kind: keyof typeof LIMBS, side: -1 | 1): Layer[] => {
    const { attach, aside, segments } = LIMBS[kind];
    let angle = kind === "arm" ? Math.PI + random.normal(0, 1) : Math.PI + random.normal(0, 0.4);
    let angleNext = angle + swing(0.35 * height);
    let joint: [Point, Point] = [
      attached(torso.from, lean, attach * height, side * aside * height),
      attached(torso.fromNext, leanNext, attach * height, side * aside * height),
    ];
    return segments.map(([length, near, far], i) => {
      const segment = segmentAt(random, joint, [lean + angle, leanNext + angleNext], length * height, [near * height, far * height]); // biome-ignore format: one segment
      joint = [segment.to, segment.toNext];
      const bend = random.normal(0, 0.7);
      angle += bend;
      angleNext += bend + swing(0.2 * height);
      const clothed = kind === "leg" ? trousers! : i === 0 ? cloth! : skin!;
      return layer(segment, clothed);
    });
  };
  const near = random.next() < 0.5 ? -1 : 1;
  const far = near === 1 ? -1 : 1;
  const middle = [...limb("leg", far), ...limb("leg", near), layer(torso, cloth!), layer(head, skin!)];
  const front = random.next() < 0.5 ? limb("arm", far) : [];
  return [...(front.length ? [] : limb("arm", far)), ...middle, ...front, ...limb("arm", near)];
}

/** A segment of `length` from a joint, in the direction of `angles` (0 is up), foreshortened a little differently in each frame. */
function segmentAt(
  random: Random,
  [from, fromNext]: readonly [Point, Point],
  angles: readonly [number, number],
  length: number,
  radii: readonly [number, number],
): Segment {
  const shown = length * random.uniform(0.55, 1);
  const shownNext = shown * (1 + limited(random.normal(0, 0.05), 0.15));
  return {
    from,
    fromNext,
    to: attached(from, angles[0], shown, 0),
    toNext: attached(fromNext, angles[1], shownNext, 0),
    radii,
  };
}

function segmentLayer({ from, to, fromNext, toNext, radii }: Segment, appearance: Appearance): Layer {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const [ex, ey] = [toNext[0] - fromNext[0], toNext[1] - fromNext[1]];
  const square = dx * dx + dy * dy;
  // The complex quotient of the two directions turns and scales one segment into the other.
  const motion = similarity(from, fromNext, (ex * dx + ey * dy) / square, (ey * dx - ex * dy) / square);
  return {
    ...appearance,
    ...capsule(from, to, ...radii),
    roundness: Math.max(...radii),
    motion,
    inverse: invert(motion),
  };
}

/** The point `along` px in direction `angle` (0 is up, clockwise) and `aside` px to its right. */
function attached(from: Point, angle: number, along: number, aside: number): Point {
  const [s, c] = [Math.sin(angle), Math.cos(angle)];
  return [from[0] + along * s + aside * c, from[1] - along * c + aside * s];
}

function point(a: Point, b: Point, t: number): Point {
  return [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
}

function limited(value: number, most: number): number {
  return Math.max(-most, Math.min(most, value));
}
