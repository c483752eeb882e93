import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { bvhWriter } from "../../../pipelines/export/bvh.ts";
import { placement } from "../../../pipelines/export/prediction-writer.ts";
import { createBodyModel } from "../../../smpl/body-model.ts";
import { JOINT_NAMES, JOINTS, type JointName } from "../../../smpl/joints.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { bvhJointPositions, readBvh } from "../../../src/io/bvh.ts";
import { temporaryFolder } from "../../support/files.ts";
import { PERSON_INFO, posedPerson } from "../../support/posed-person.ts";

beforeAll(() => startEngine());

async function written(indices: readonly number[]) {
  const body = createBodyModel(proceduralBody());
  const people = posedPerson(body, indices);
  const path = join(temporaryFolder(), "track-3.bvh");
  const writer = await bvhWriter(path, PERSON_INFO, body.host);
  for (const person of people) await writer.write(person);
  await writer.close();
  body.dispose();
  const motion = await readBvh(path);
  return { people, motion, at: (joint: JointName) => motion.joints.findIndex(({ name }) => name === joint) };
}

test("the joints that are read back are the body model's within a tenth of a millimetre, y up", async () => {
  const { people, motion, at } = await written([5, 6, 7]);
  expect(motion.joints.map(({ name }) => name).sort()).toEqual([...JOINT_NAMES].sort());
  expect([motion.frameCount, motion.frameTime]).toEqual([3, 0.04]);
  expect(motion.joints[at("head")]!.end).toBeDefined();
  people.forEach((person, t) => {
    const trans = placement(person, PERSON_INFO);
    const positions = bvhJointPositions(motion, t);
    person.prediction.joints.forEach((value, i) => {
      const sign = i % 3 === 0 ? 1 : -1;
      const own = positions[3 * at(JOINT_NAMES[Math.floor(i / 3)]!) + (i % 3)]!;
      expect(Math.abs(own - sign * (value + trans[i % 3]!)), `joint ${i}`).toBeLessThan(1e-4);
    });
    // Upright before the camera: the head is above the feet, and all of it lies in front, at negative z.
    expect(positions[3 * at("head") + 1]!).toBeGreaterThan(positions[3 * at("leftFoot") + 1]! + 0.5);
    expect(positions[2]).toBeLessThan(-1);
  });
});

test("frames that are missing are interpolated: there is one row per frame of the video", async () => {
  const { people, motion } = await written([5, 9]);
  expect(motion.frameCount).toBe(5);
  const roots = [0, 2, 4].map((t) => bvhJointPositions(motion, t).slice(0, 3));
  for (let k = 0; k < 3; k++) expect(roots[1]![k]).toBeCloseTo((roots[0]![k]! + roots[2]![k]!) / 2, 5);
  const last = bvhJointPositions(motion, 4);
  const [, , z] = placement(people[1]!, PERSON_INFO);
  expect(last[2]).toBeCloseTo(-(people[1]!.prediction.joints[2]! + z), 4);
});

test("angles go on from frame to frame instead of jumping by whole turns", async () => {
  const body = createBodyModel(proceduralBody());
  const [person] = posedPerson(body, [0]);
  const path = join(temporaryFolder(), "spin.bvh");
  const writer = await bvhWriter(path, PERSON_INFO, body.host);
  const steps = 20;
  for (let t = 0; t < steps; t++) {
    const rotations = Float32Array.from({ length: 216 }, (_, i) => (i % 9 === 0 || i % 9 === 4 || i % 9 === 8 ? 1 : 0));
    // Two turns about camera x for the root, about y for a knee.
    const [cos, sin] = [Math.cos((t * 4 * Math.PI) / steps), Math.sin((t * 4 * Math.PI) / steps)];
    rotations.set([1, 0, 0, 0, cos, -sin, 0, sin, cos], 0);
    rotations.set([cos, 0, sin, 0, 1, 0, -sin, 0, cos], 9 * JOINTS.leftKnee);
    await writer.write({ ...person!, frame: t, time: t / 25, prediction: { ...person!.prediction, rotations } });
  }
  await writer.close();
  body.dispose();
  const { values, frameCount, joints } = await readBvh(path);
  const width = 3 + 3 * joints.length;
  const knee = joints.findIndex(({ name }) => name === "leftKnee");
  for (let t = 1; t < frameCount; t++)
    for (let c = 3; c < width; c++)
      expect(Math.abs(values[t * width + c]! - values[(t - 1) * width + c]!)).toBeLessThan(37);
  expect(values[(frameCount - 1) * width + 3 + 3 * knee + 2]).toBeCloseTo(684, 2);
});
