/**
 * @file How a person looks: skin, hair and clothes as colours of the points of the rest body, so that the pattern is glued
 * to the surface whatever the pose. Everything is solid texture: no UV map, any body mesh in a T-pose.
 */

import { type BodyArrays, restJoints } from "../../smpl/body-arrays.ts";
import { JOINTS } from "../../smpl/joints.ts";
import type { Random } from "../../src/random.ts";
import { createCloth } from "./cloth.ts";
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

/** Reflectance of skins, from light to dark. */
export const SKIN: readonly Colour[] = [
  [0.93, 0.76, 0.66],
  [0.87, 0.67, 0.54],
  [0.76, 0.55, 0.42],
  [0.6, 0.42, 0.3],
  [0.43, 0.29, 0.2],
  [0.3, 0.2, 0.14],
];
/** Reflectance of hair. */
export const HAIR: readonly Colour[] = [
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
