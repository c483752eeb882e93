/** @file What moves a body over time: the parts that a motion adds up, and what they share. Angles as in posture.ts, seconds. */
import type { Random } from "../../src/random.ts";
import {
  type MiddleAngle,
  middleIndex,
  POSTURE_SIZE,
  randomPosture,
  type Side,
  type SideAngle,
  sideIndex,
} from "./posture.ts";

/** Adds a contribution at time `t` (seconds) to a posture. */
export type Mover = (t: number, posture: Float64Array) => void;
/** Draws a mover; `cadence` is the motion's basic angular frequency (radians per second), shared by its parts. */
export type MoverSource = (random: Random, cadence: number) => Mover;

/** Both sides. */
export const SIDES: readonly Side[] = ["left", "right"];
/** The right side moves half a period after the left one. */
export const lag = (side: Side): number => (side === "left" ? 0 : Math.PI);

/** Adds to an angle of one side. */
export function side(posture: Float64Array, which: Side, name: SideAngle, angle: number): void {
  posture[sideIndex(name, which)]! += angle;
}
/** Adds to an angle of trunk or head. */
export function middle(posture: Float64Array, name: MiddleAngle, angle: number): void {
  posture[middleIndex(name)]! += angle;
}
/** 0 most of the time, up to 1 in one half of the period, smooth. */
export function pulse(phase: number, sharpness = 1): number {
  return (0.5 + 0.5 * Math.sin(phase)) ** sharpness;
}
/** Smooth way from 0 to 1 as `t` goes from 0 to 1 with zero speed and acceleration at both ends (minimum jerk). */
export function minimumJerk(t: number): number {
  const x = Math.min(1, Math.max(0, t));
  return x * x * x * (10 + x * (6 * x - 15));
}

/** Random postures held apart by random times, joined by minimum-jerk moves. */
export function keyedPostures(random: Random, spread: number, meanSeconds: number): Mover {
  const count = 24;
  const keys = Array.from({ length: count }, () => randomPosture(random, spread));
  const seconds = keys.map(() => meanSeconds * random.uniform(0.5, 1.6));
  const total = seconds.reduce((sum, x) => sum + x, 0);
  return (t, posture) => {
    let left = ((t % total) + total) % total;
    let i = 0;
    while (left >= seconds[i]!) left -= seconds[i++]!;
    const a = keys[i]!;
    const b = keys[(i + 1) % count]!;
    const w = minimumJerk((1.15 * left) / seconds[i]!);
    for (let k = 0; k < POSTURE_SIZE; k++) posture[k]! += a[k]! + w * (b[k]! - a[k]!);
  };
}

/** Sums of slow sinusoids about a random posture: a dance without steps. */
export function dance(random: Random, cadence: number): Mover {
  const base = randomPosture(random, 0.6);
  const amplitude = randomPosture(random, 0.75);
  const phases = Float64Array.from(amplitude, () => random.uniform(0, 2 * Math.PI));
  const rates = Float64Array.from(amplitude, () => cadence * random.pick([0.25, 0.5, 0.5, 1]));
  return (t, posture) => {
    for (let k = 0; k < POSTURE_SIZE; k++)
      posture[k]! += base[k]! + amplitude[k]! * Math.sin(rates[k]! * t + phases[k]!);
  };
}

/** Which sides do something: one, or more often both. */
export const sideSeen = (random: Random): readonly Side[] => random.pick([["left"], ["right"], SIDES, SIDES]);
