/** @file Which frames are neighbours in time: flow is only asked for between those. */

/** A step of up to this many median steps is one between neighbours; one lost frame (2) is not. */
const LONGEST = 1.5;

/**
 * The median time step in seconds of a clip whose frames are at `times`, in order; 0 with fewer than two frames. Of an
 * even number of steps it is the smaller middle one, and steps that do not go forward are left out. So a hole, however
 * long, does not move it, and footage that drops every other frame for half of its length still counts whole steps.
 */
export function medianStep(times: ArrayLike<number>): number {
  const steps: number[] = [];
  for (let i = 1; i < times.length; i++) {
    const step = times[i]! - times[i - 1]!;
    if (step > 0) steps.push(step);
  }
  steps.sort((a, b) => a - b);
  return steps[(steps.length - 1) >> 1] ?? 0;
}

/**
 * Whether two consecutive decoded frames, at `timeA` and then `timeB` seconds, are a pair: time goes forward, by at most
 * 1.5 times the clip's median step. Frames with equal or falling times (broken time stamps) are none.
 */
export function areNeighbours(timeA: number, timeB: number, medianStep: number): boolean {
  const step = timeB - timeA;
  return step > 0 && step <= LONGEST * medianStep * (1 + 1e-6);
}
