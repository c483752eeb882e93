/** @file A recorded motion for one scene: a stretch of a clip, turned, perhaps mirrored, a little faster or slower. */
import { Quaternion, Vector3 } from "three";
import { JOINT_COUNT, MIRROR_JOINTS } from "../../smpl/joints.ts";
import type { Random } from "../../src/random.ts";
import type { Motion } from "./motion.ts";
import type { MotionClip } from "./retarget.ts";

/** A clip under the name that the truth gives it. */
export interface Recording {
  readonly name: string;
  readonly clip: MotionClip;
}

/** A clip in which a joint turns by more than this between last and first frame does not run in a circle. Radians. */
const SEAM = 0.25;

/**
 * Draws which `seconds` of the clip are shown, in which direction, mirrored or not, and at 0.85 to 1.15 of its speed. The
 * motion begins at t = 0; in the middle of its time the person is above the origin. A clip that is too short runs in a
 * circle if its ends meet, and else to and fro. With `facing` (radians) the person looks within that of the camera in the
 * middle of the time.
 */
export function createRecordedMotion(
  random: Random,
  { name, clip }: Recording,
  seconds: number,
  facing = Math.PI,
): Motion {
  const isMirrored = random.next() < 0.5;
  const speed = random.uniform(0.85, 1.15);
  const length = (clip.frames - 1) * clip.frameTime;
  const begin = random.uniform(0, Math.max(0, length - speed * seconds));
  const circular = seamOf(clip) < SEAM;
  const own = headingAt(clip, frameAt(clip, begin + (speed * seconds) / 2, circular).frame);
  const heading = random.uniform(-facing, facing) - (facing < Math.PI ? (isMirrored ? -own : own) : 0);
  const place = (t: number): [x: number, lift: number, z: number] => {
    const { frame, round } = frameAt(clip, begin + speed * t, circular);
    const at = (k: number) => blend(clip.places, 3, frame, k) + (k === 1 ? 0 : round * gain(clip, k));
    const x = isMirrored ? -at(0) : at(0);
    const [c, s] = [Math.cos(heading), Math.sin(heading)];
    return [c * x + s * at(2), at(1), c * at(2) - s * x];
  };
  const middle = place(seconds / 2);
  const turned = new Quaternion().set(0, Math.sin(heading / 2), 0, Math.cos(heading / 2));
  const [now, next] = [new Quaternion(), new Quaternion()];
  return {
    kind: `${name}${isMirrored ? " mirrored" : ""}`,
    isRecorded: true,
    at(t, pose) {
      const { frame } = frameAt(clip, begin + speed * t, circular);
      const first = Math.min(Math.floor(frame), clip.frames - 2);
      for (let j = 0; j < JOINT_COUNT; j++) {
        const source = isMirrored ? MIRROR_JOINTS[j]! : j;
        now.fromArray(clip.rotations, 4 * (first * JOINT_COUNT + source));
        next.fromArray(clip.rotations, 4 * ((first + 1) * JOINT_COUNT + source));
        now.slerp(next, frame - first);
        // M R M with M = diag(-1, 1, 1).
        if (isMirrored) now.set(now.x, -now.y, -now.z, now.w);
        if (j === 0) now.premultiply(turned);
        writeAxisAngle(now, pose, 3 * j);
      }
      const [x, lift, z] = place(t);
      return { x: x - middle[0], z: z - middle[2], lift };
    },
  };
}

/** The frame, with its fraction, at a time that may lie beyond the clip's end, and how often the clip went round before. */
function frameAt(clip: MotionClip, t: number, circular: boolean): { readonly frame: number; readonly round: number } {
  const last = clip.frames - 1;
  const position = t / clip.frameTime;
  if (circular) {
    const round = Math.floor(position / last);
    return { frame: position - round * last, round };
  }
  const along = ((position % (2 * last)) + 2 * last) % (2 * last);
  return { frame: along <= last ? along : 2 * last - along, round: 0 };
}

/** Where the person looks at a frame, radians about the vertical; 0 is +z, towards the camera. */
function headingAt({ rotations }: MotionClip, frame: number): number {
  const ahead = new Vector3(0, 0, 1);
  ahead.applyQuaternion(new Quaternion().fromArray(rotations, 4 * JOINT_COUNT * Math.floor(frame)));
  return Math.atan2(ahead.x, ahead.z);
}

/** How far the clip goes along axis `k` in one round. */
function gain(clip: MotionClip, k: number): number {
  return clip.places[3 * (clip.frames - 1) + k]! - clip.places[k]!;
}

function blend(values: Float32Array, width: number, frame: number, k: number): number {
  const first = Math.floor(frame);
  const next = Math.min(first + 1, values.length / width - 1);
  return values[width * first + k]! + (frame - first) * (values[width * next + k]! - values[width * first + k]!);
}

/** The turn of the joint that differs most between first and last frame. */
function seamOf({ rotations, frames }: MotionClip): number {
  const [first, last] = [new Quaternion(), new Quaternion()];
  let most = 0;
  for (let j = 0; j < JOINT_COUNT; j++) {
    first.fromArray(rotations, 4 * j);
    most = Math.max(most, first.angleTo(last.fromArray(rotations, 4 * ((frames - 1) * JOINT_COUNT + j))));
  }
  return most;
}

/** Axis-angle with an angle of at most pi. */
function writeAxisAngle({ x, y, z, w }: Quaternion, out: Float32Array, at: number): void {
  const sine = Math.hypot(x, y, z);
  const sign = w < 0 ? -1 : 1;
  const scale = sine < 1e-12 ? 2 : (sign * 2 * Math.atan2(sine, sign * w)) / sine;
  out[at] = scale * x;
  out[at + 1] = scale * y;
  out[at + 2] = scale * z;
}
