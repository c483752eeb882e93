/** @file Cameras of the rich world: still, held in the hand, turning after the person, walking along, circling. */
import type { Random } from "../../src/random.ts";
import type { Motion } from "./motion.ts";
import type { Space } from "./scenery.ts";
import { type CameraPath, lookAt } from "./viewpoint.ts";

/** A camera's way and the room that it leaves to the scene. */
export interface CameraStyle {
  readonly path: CameraPath;
  readonly space: Space;
}

/** How far a person who is not recorded wanders from the origin, metres. */
const WANDERING = 0.5;
/** A person who goes farther than this is followed. */
const STAYING = 0.6;
/** The camera's eye for where the person goes is slow: seconds to either side that it averages. */
const SLOWNESS = 0.6;

/** Draws a camera for a motion that lasts `seconds`: 3 to 10 m away, from the knee's height to well above the head. */
export function createRichCamera(random: Random, motion: Motion, seconds: number): CameraStyle {
  const place = placesOf(motion, seconds);
  const distance = 3 * 3.3 ** random.next();
  const travel = Math.max(place.x1 - place.x0, place.z1 - place.z0) / 2;
  const isApproaching = Math.max(-place.z0, place.z1) > 0.2 * distance;
  const kind =
    travel > STAYING
      ? isApproaching
        ? "along"
        : random.pick(["turning", "along"] as const)
      : random.pick(["still", "still", "hand", "hand", "circling"] as const);
  const sizes = { still: 0, hand: random.uniform(0.3, 1.3), circling: 0.4, turning: 0.3, along: 0.8 };
  const sway = Array.from({ length: 12 }, (_, i) => ({
    // Six slow movements of position and aim, six fast and small ones: the hand's tremor.
    size: sizes[kind] * (i < 3 ? random.uniform(0, 0.14) : i < 6 ? random.uniform(0, 0.07) : random.uniform(0, 0.006)),
    rate: i < 6 ? random.uniform(0.4, 1.8) : random.uniform(8, 25),
    phase: random.uniform(0, 2 * Math.PI),
  }));
  const azimuth = random.uniform(-0.5, 0.5);
  const elevation = random.uniform(-0.1, 0.5);
  const aim = [random.normal(0, 0.05), 0.9 + random.normal(0, 0.08)] as const;
  const roll = random.normal(0, 0.04);
  const turn = kind === "circling" ? random.pick([-1, 1]) * random.uniform(0.1, 0.5) : 0;
  const shift = (i: number, t: number) =>
    sway[i]!.size * Math.sin(sway[i]!.rate * t + sway[i]!.phase) +
    sway[i + 6]!.size * Math.sin(sway[i + 6]!.rate * t + sway[i + 6]!.phase);
  const height = Math.max(0.15, 0.95 + distance * Math.sin(elevation));
  const follows = kind === "turning" || kind === "along";
  const path: CameraPath = {
    distance,
    at(t) {
      const [x, z] = follows ? place.at(t) : [0, 0];
      const [cx, cz] = kind === "along" ? [x, z] : [0, 0];
      const angle = azimuth + 0.4 * Math.sin(turn * (t - seconds / 2));
      return lookAt(
        [
          cx + distance * Math.sin(angle) + shift(0, t),
          height + shift(1, t),
          cz + distance * Math.cos(angle) + shift(2, t),
        ],
        [x + aim[0] + shift(3, t), aim[1] + shift(4, t), z + shift(5, t)],
        roll,
      );
    },
  };
  const nearest = distance * Math.cos(0.9) + (kind === "along" ? place.z0 : 0);
  return { path, space: { x0: place.x0, x1: place.x1, z0: place.z0, z1: place.z1, cameraZ: nearest } };
}

/** Where the person is in the course of a motion: extent with room for the limbs, and the smoothed place at a time. */
function placesOf(motion: Motion, seconds: number) {
  if (!motion.isRecorded)
    return { x0: -WANDERING, x1: WANDERING, z0: -WANDERING, z1: WANDERING, at: (): [number, number] => [0, 0] };
  const pose = new Float32Array(72);
  const raw = (t: number) => motion.at(Math.min(seconds, Math.max(0, t)), pose);
  const at = (t: number): [number, number] => {
    let [x, z] = [0, 0];
    for (let k = -2; k <= 2; k++) {
      const place = raw(t + (k / 2) * SLOWNESS);
      x += place.x / 5;
      z += place.z / 5;
    }
    return [x, z];
  };
  const seen = Array.from({ length: 17 }, (_, i) => raw((i / 16) * seconds));
  const room = 0.4;
  return {
    x0: Math.min(...seen.map(({ x }) => x)) - room,
    x1: Math.max(...seen.map(({ x }) => x)) + room,
    z0: Math.min(...seen.map(({ z }) => z)) - room,
    z1: Math.max(...seen.map(({ z }) => z)) + room,
    at,
  };
}
