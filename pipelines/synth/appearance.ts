/**
 * @file How a person looks: skin, hair and clothes as colours of the points of the rest body, so that the pattern is glued
 * to the surface whatever the pose. Everything is solid texture: no UV map, any body mesh in a T-pose.
 */

import { type BodyArrays, restJoints } from "../../smpl/body-arrays.ts";
import { JOINTS } from "../../smpl/joints.ts";
import type { Random } from "../../src/random.ts";
import { type Colour, grey, randomColour, scaled } from "./colours.ts";
import { bandLimit, createNoise, type Noise, smoothStep } from "./noise.ts";

/** Writes the colour of rest-body point (x, y, z) into `out`; patterns finer than `pixel` metres are left out. */
export type Surface = (x: number, y: number, z: number, pixel: number, out: Float64Array) => void;

/** Heights and widths of a rest body by which clothes are cut, metres. */
export interface Landmarks {
  readonly crown: number;
  readonly head: number;
  readonly neck: number;
  readonly shoulder: number;
  readonly wrist: number;
  readonly waist: number;
  readonly hip: number;
  readonly ankle: number;
  /** z of the head's joint. */
  readonly headZ: number;
}

/** The landmarks of a body's mean shape. */
export function bodyLandmarks(body: BodyArrays): Landmarks {
  const rest = restJoints(body);
  const at = (joint: number, axis: number) => rest[3 * joint + axis]!;
  let crown = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < body.vTemplate.length; i += 3) crown = Math.max(crown, body.vTemplate[i]!);
  return {
    crown,
    head: at(JOINTS.head, 1),
    neck: at(JOINTS.neck, 1),
    shoulder: at(JOINTS.leftShoulder, 0),
    wrist: at(JOINTS.leftWrist, 0),
    waist: at(JOINTS.spine1, 1),
    hip: at(JOINTS.leftHip, 1),
    ankle: at(JOINTS.leftAnkle, 1),
    headZ: at(JOINTS.head, 2),
  };
}

const SKIN: readonly Colour[] = [
  [0.93, 0.76, 0.66],
  [0.87, 0.67, 0.54],
  [0.76, 0.55, 0.42],
  [0.6, 0.42, 0.3],
  [0.43, 0.29, 0.2],
  [0.3, 0.2, 0.14],
];
const HAIR: readonly Colour[] = [
  [0.06, 0.05, 0.05],
  [0.16, 0.1, 0.07],
  [0.34, 0.21, 0.12],
  [0.62, 0.47, 0.26],
  [0.52, 0.5, 0.48],
  [0.5, 0.2, 0.1],
];

/** Draws the look of one person. */
export function createAppearance(random: Random, landmarks: Landmarks): Surface {
  const noise = createNoise(random);
  const skin = scaled(random.pick(SKIN), random.uniform(0.9, 1.08));
  const head = createHead(random, landmarks, noise, skin);
  const shirt = createCloth(random, noise, randomColour(random));
  const lower = random.next() < 0.12 ? shirt : createCloth(random, noise, randomColour(random));
  const shoes = createCloth(
    random,
    noise,
    random.next() < 0.6 ? grey(random.uniform(0.03, 0.9)) : randomColour(random),
  );
  const cut = drawCut(random, landmarks);
  const skinGrain = random.uniform(0.03, 0.08);

  return (x, y, z, pixel, out) => {
    const side = Math.abs(x);
    if (y > cut.collar && side < landmarks.shoulder * 0.8) return head(x, y, z, pixel, out);
    const arm = side - landmarks.shoulder * 0.55 > landmarks.neck - y && side > landmarks.shoulder * 0.75;
    if (arm ? side < cut.sleeve : y > cut.waist) shirt(x, y, z, pixel, out);
    else if (!arm && y > cut.trouser) lower(x, y, z, pixel, out);
    else if (!arm && y < cut.shoe) shoes(x, y, z, pixel, out);
    else {
      const grain = skinGrain * noise.solid(40 * x, 40 * y, 40 * z) * bandLimit(0.025, pixel);
      for (let c = 0; c < 3; c++) out[c] = skin[c]! * (1 + grain);
    }
    // A dark seam where one thing ends shows the cut even between equal colours.
    const edge = arm ? side - cut.sleeve : Math.min(Math.abs(y - cut.waist), Math.abs(y - cut.trouser));
    const seam = 1 - 0.35 * smoothStep(0.012, 0.004, Math.abs(edge));
    for (let c = 0; c < 3; c++) out[c]! *= seam;
  };
}

interface Cut {
  readonly collar: number;
  readonly sleeve: number;
  readonly waist: number;
  readonly trouser: number;
  readonly shoe: number;
}

function drawCut(random: Random, l: Landmarks): Cut {
  const leg = (part: number) => l.hip + part * (l.ankle - l.hip);
  const dress = random.next() < 0.12;
  return {
    collar: l.neck - random.uniform(0, 0.04),
    sleeve: l.shoulder + random.pick([0.05, 0.3, 0.45, 1, 1, 1.02]) * (l.wrist - l.shoulder),
    waist: dress ? leg(random.uniform(0.2, 0.6)) : l.hip + random.uniform(-0.06, 0.12),
    trouser: dress ? 10 : leg(random.pick([0.3, 0.55, 0.98, 0.98, 0.98])),
    shoe: l.ankle + random.uniform(-0.01, 0.06),
  };
}

/** Face with eyes, mouth and hair: what tells the front from the back. */
function createHead(random: Random, l: Landmarks, noise: Noise, skin: Colour): Surface {
  const hair = random.pick(HAIR);
  const bald = random.next() < 0.08;
  const height = l.crown - l.head;
  const line = l.head + random.uniform(0.55, 0.75) * height;
  const back = l.neck + random.uniform(-0.03, 0.08);
  const eye = l.head + 0.42 * height;
  const mouth = l.head + 0.05 * height;
  return (x, y, z, pixel, out) => {
    const forward = z - l.headZ;
    const hairy = !bald && (forward < 0.02 ? y > back : y > line - 1.5 * Math.max(0, 0.07 - forward));
    const base = hairy ? hair : skin;
    const strand = hairy ? 0.3 * noise.solid(120 * x, 25 * y, 120 * z) * bandLimit(0.012, pixel) : 0;
    const mottle = 0.06 * noise.solid(30 * x, 30 * y, 30 * z);
    for (let c = 0; c < 3; c++) out[c] = base[c]! * (1 + strand + mottle);
    if (hairy || forward < 0.03) return;
    const eyes = Math.hypot((Math.abs(x) - 0.034) / 0.017, (y - eye) / 0.012);
    const lips = Math.hypot(x / 0.03, (y - mouth) / 0.01);
    const dark = 1 - 0.8 * smoothStep(1.3, 0.7, eyes);
    const red = 0.45 * smoothStep(1.3, 0.7, lips);
    out[0]! *= dark * (1 - 0.3 * red);
    out[1]! *= dark * (1 - red);
    out[2]! *= dark * (1 - red);
  };
}

const PATTERNS = ["plain", "stripes", "bands", "checks", "dots", "patches", "weave"] as const;

/** A cloth: two colours mixed by a pattern, and fine grain everywhere so that even plain cloth can be followed. */
function createCloth(random: Random, noise: Noise, first: Colour): Surface {
  const pattern = random.pick(PATTERNS);
  const second = random.next() < 0.5 ? grey(random.uniform(0.05, 0.95)) : randomColour(random);
  const period = random.uniform(0.05, 0.14);
  const [grain, wear] = [random.uniform(0.06, 0.22), random.uniform(0.08, 0.25)];
  const mix = patternMix(pattern, noise, period);
  return (x, y, z, pixel, out) => {
    const m = mix(x, y, z) * bandLimit(period / 2, pixel);
    let shade = 1 + wear * noise.solid(9 * x, 9 * y, 9 * z);
    const middle = bandLimit(0.022, pixel);
    if (middle > 0) shade += grain * middle * noise.solid(45 * x, 45 * y, 45 * z);
    const fine = bandLimit(0.008, pixel);
    if (fine > 0) shade += grain * fine * noise.solid(130 * x, 130 * y, 130 * z);
    for (let c = 0; c < 3; c++) out[c] = (first[c]! + m * (second[c]! - first[c]!)) * shade;
  };
}

/** How much of the second colour is at a point, 0..1. */
function patternMix(
  pattern: (typeof PATTERNS)[number],
  noise: Noise,
  period: number,
): (x: number, y: number, z: number) => number {
  const wave = (u: number) => smoothStep(-0.25, 0.25, Math.sin((2 * Math.PI * u) / period));
  switch (pattern) {
    case "plain":
      return () => 0;
    case "stripes":
      return (x, _y, z) => wave(x + 0.5 * z);
    case "bands":
      return (_x, y) => wave(y);
    case "checks":
      return (x, y, z) => 0.5 * (wave(x + 0.4 * z) + wave(y));
    case "dots":
      return (x, y, z) => {
        const near = (u: number) => u / period - Math.round(u / period);
        return smoothStep(0.34, 0.24, Math.hypot(near(x), near(y), 0.5 * near(z)));
      };
    case "patches":
      return (x, y, z) =>
        smoothStep(-0.1, 0.1, noise.solid((1.2 * x) / period, (1.2 * y) / period, (1.2 * z) / period));
    case "weave":
      return (x, y, z) => 0.5 + 0.5 * noise.solid((6 * x) / period, (1.5 * y) / period, (6 * z) / period);
    default:
      return pattern satisfies never;
  }
}
