/** @file A recorded skeleton posed frame by frame without allocation: rotations and positions of its joints in the world. */
import { Quaternion, Vector3 } from "three";
import type { BvhMotion } from "../../src/io/bvh.ts";

/** A skeleton that is posed again and again. What it returns by reference holds until the next pose. */
export interface BvhPoser {
  /** Puts the skeleton as its offsets say: no rotations, the root at its offset. */
  rest(): void;
  pose(frame: number): void;
  /** Rotation of a joint in the file's axes. */
  turn(joint: number): Quaternion;
  /** Writes a joint's position into `out`. */
  position(joint: number, out: Vector3): Vector3;
  /** Where a leaf's bone ends, if the file says so. */
  end(joint: number): Vector3 | undefined;
}

const AXES = { X: new Vector3(1, 0, 0), Y: new Vector3(0, 1, 0), Z: new Vector3(0, 0, 1) } as const;

/**
 * Makes a skeleton ready: G_j = G_parent T(offset + position) R_1 R_2 R_3 with the rotations in channel order, as
 * `bvhJointPositions` has it.
 */
export function createBvhPoser({ joints, values }: BvhMotion): BvhPoser {
  const width = joints.reduce((sum, { channels }) => sum + channels.length, 0);
  const turns = joints.map(() => new Quaternion());
  const places = joints.map(() => new Vector3());
  const single = new Quaternion();
  const channels = joints.map((joint) =>
    joint.channels.map((name) => ({ axis: name[0] as keyof typeof AXES, isPosition: name.endsWith("position") })),
  );
  function put(read: (at: number) => number): void {
    let at = 0;
    joints.forEach(({ parent, offset }, j) => {
      const turn = turns[j]!.identity();
      const place = places[j]!.fromArray(offset);
      for (const { axis, isPosition } of channels[j]!) {
        const value = read(at++);
        if (isPosition) place.addScaledVector(AXES[axis], value);
        else turn.multiply(single.setFromAxisAngle(AXES[axis], (value * Math.PI) / 180));
      }
      if (parent < 0) return;
      place.applyQuaternion(turns[parent]!).add(places[parent]!);
      turn.premultiply(turns[parent]!);
    });
  }
  return {
    rest: () => put(() => 0),
    pose: (frame) => put((at) => values[frame * width + at]!),
    turn: (joint) => turns[joint]!,
    position: (joint, out) => out.copy(places[joint]!),
    end(joint) {
      const { end } = joints[joint]!;
      return end && new Vector3().fromArray(end).applyQuaternion(turns[joint]!).add(places[joint]!);
    },
  };
}
