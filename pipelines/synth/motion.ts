/** @file Procedural human motion: who moves how, as SMPL poses at any time. Nothing is recorded; all follows from a seed. */
import type { Random } from "../../src/random.ts";
import { ARMS } from "./arms.ts";
import { LEGS } from "./legs.ts";
import { dance, keyedPostures, type Mover } from "./movers.ts";
import { limitPosture, middleIndex, POSTURE_SIZE, writePose } from "./posture.ts";

/** A person's motion in a world whose y axis points up and whose floor is y = 0. */
export interface Motion {
  /** What it is made of, such as `walk+swing`. */
  readonly kind: string;
  /** Begins at t = 0 and has been recorded for the time of one scene; otherwise it may be asked at any time. */
  readonly isRecorded?: boolean;
  /**
   * Writes the pose at `t` seconds: axis-angle of 24 joints [72] (the first: global orientation in the world, 0 faces +z)
   * and returns where the pelvis stands on the floor and how far the feet are above it, metres.
   */
  at(t: number, pose: Float32Array): Place;
}

/** Where a person is: pelvis above (x, z), lowest joint `lift` metres above its usual height. */
export interface Place {
  readonly x: number;
  readonly z: number;
  readonly lift: number;
}

const LEG_NAMES = Object.keys(LEGS) as (keyof typeof LEGS)[];
const ARM_NAMES = Object.keys(ARMS) as (keyof typeof ARMS)[];
/** Walking and running are what real videos show most. */
const LEG_CHOICES: readonly (keyof typeof LEGS)[] = ["walk", "walk", "run", "stand", "stand", ...LEG_NAMES];

/** Kinds of whole-body motion: `steps` (legs and arms of a kind each), `postures` (random ones, joined), `dance`. */
export const MOTION_KINDS = ["steps", "postures", "dance"] as const;
export type MotionKind = (typeof MOTION_KINDS)[number];

/**
 * Draws a motion; `kind` fixes its family, otherwise mostly `steps`. With `facing` (radians) the person never turns farther
 * than that from the camera.
 */
export function createMotion(random: Random, kind?: MotionKind, facing?: number): Motion {
  const cadence = 2 * Math.PI * random.uniform(0.55, 1.15);
  const chosen = kind ?? random.pick(["steps", "steps", "steps", "postures", "dance"] as const);
  const { name, movers, jumps } = drawMovers(random, chosen, cadence);
  const movement = [...movers, trunk(random, cadence)];
  const heading = facing === undefined ? drawHeading(random) : drawFacing(random, facing);
  const place = drawPlace(random, name.startsWith("walk") || name.startsWith("run") ? 0.45 : 0.15);
  const hop = jumps ? random.uniform(0.05, 0.2) : 0;
  const tilt = [random.normal(0, 0.04), random.normal(0, 0.04)] as const;
  const posture = new Float64Array(POSTURE_SIZE);
  return {
    kind: name,
    at(t, pose) {
      posture.fill(0);
      for (const mover of movement) mover(t, posture);
      limitPosture(posture);
      writePose(posture, pose);
      writeOrientation(heading(t), tilt, pose);
      const { x, z } = place(t);
      return { x, z, lift: hop * Math.max(0, Math.sin(2 * cadence * t)) ** 2 };
    },
  };
}

function drawMovers(
  random: Random,
  kind: MotionKind,
  cadence: number,
): { readonly name: string; readonly movers: Mover[]; readonly jumps: boolean } {
  if (kind === "postures") {
    const spread = random.uniform(0.7, 1.3);
    return { name: kind, movers: [keyedPostures(random, spread, random.uniform(0.5, 1.2))], jumps: false };
  }
  if (kind === "dance") return { name: kind, movers: [dance(random, cadence)], jumps: random.next() < 0.2 };
  const legs = random.pick(LEG_CHOICES);
  const swings = (legs === "walk" || legs === "run") && random.next() < 0.6;
  const arms = swings ? "swing" : random.pick(ARM_NAMES);
  const armCadence = legs === "run" ? 1.5 * cadence : cadence;
  return {
    name: `${legs}+${arms}`,
    movers: [LEGS[legs](random, cadence), ARMS[arms](random, armCadence)],
    jumps: legs === "jack" || legs === "run",
  };
}

/** Small independent movement of trunk and head, and a posture of their own; sometimes a slow bend. */
function trunk(random: Random, cadence: number): Mover {
  const names = ["bend", "lean", "turn", "nod", "headTurn", "headTilt"] as const;
  const scale = [0.1, 0.05, 0.12, 0.12, 0.25, 0.06];
  const parts = names.map((name, i) => ({
    index: middleIndex(name),
    base: random.normal(0, scale[i]!),
    size: random.normal(0, 0.7 * scale[i]!),
    rate: cadence * random.uniform(0.15, 0.5),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  const bow = random.next() < 0.2 ? random.uniform(0.3, 1.1) : 0;
  return (t, posture) => {
    for (const { index, base, size, rate, phase } of parts) posture[index]! += base + size * Math.sin(rate * t + phase);
    posture[middleIndex("bend")]! += bow * (0.5 - 0.5 * Math.cos(0.35 * cadence * t));
  };
}

/** Which way the person faces: 0 is towards +z, positive to the person's left. Any direction, the front somewhat oftener. */
function drawHeading(random: Random): (t: number) => number {
  const start = random.next() < 0.5 ? random.normal(0, 0.7) : random.uniform(-Math.PI, Math.PI);
  const kind = random.next();
  if (kind < 0.35) return () => start;
  if (kind < 0.6) {
    const rate = random.uniform(-0.7, 0.7);
    return (t) => start + rate * t;
  }
  const [size, rate, phase] = [random.uniform(0.2, 0.9), random.uniform(0.5, 1.5), random.uniform(0, 6.28)];
  return (t) => start + size * (Math.sin(rate * t + phase) - Math.sin(phase));
}

/** Headings that swing to and fro within `limit` of 0. */
function drawFacing(random: Random, limit: number): (t: number) => number {
  const size = limit * random.uniform(0, 0.5);
  const middle = random.uniform(size - limit, limit - size);
  const [rate, phase] = [random.uniform(0.5, 1.5), random.uniform(0, 6.28)];
  return (t) => middle + size * Math.sin(rate * t + phase);
}

function drawPlace(random: Random, reach: number): (t: number) => { readonly x: number; readonly z: number } {
  const [ax, az] = [random.uniform(0, reach), random.uniform(0, 0.7 * reach)];
  const [wx, wz] = [random.uniform(0.4, 1.4), random.uniform(0.3, 1)];
  const [px, pz] = [random.uniform(0, 6.28), random.uniform(0, 6.28)];
  return (t) => ({ x: ax * Math.sin(wx * t + px), z: az * Math.sin(wz * t + pz) });
}

/** Global orientation R_y(heading) R_x(tilt0) R_z(tilt1), by quaternions, as axis-angle. */
function writeOrientation(heading: number, tilt: readonly [number, number], pose: Float32Array): void {
  const [cy, sy] = [Math.cos(heading / 2), Math.sin(heading / 2)];
  const [cx, sx] = [Math.cos(tilt[0] / 2), Math.sin(tilt[0] / 2)];
  const [cz, sz] = [Math.cos(tilt[1] / 2), Math.sin(tilt[1] / 2)];
  // R_x R_z = (cx + sx i)(cz + sz k), with i k = -j.
  const [w0, x0, y0, z0] = [cx * cz, sx * cz, -sx * sz, cx * sz];
  const w = cy * w0 - sy * y0;
  const x = cy * x0 + sy * z0;
  const y = cy * y0 + sy * w0;
  const z = cy * z0 - sy * x0;
  const sine = Math.hypot(x, y, z);
  const angle = 2 * Math.atan2(sine, w);
  const scale = sine < 1e-12 ? 0 : (angle > Math.PI ? angle - 2 * Math.PI : angle) / sine;
  pose[0] = x * scale;
  pose[1] = y * scale;
  pose[2] = z * scale;
}
