import { readdirSync } from "node:fs";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { type BvhMotion, bvhJointPositions, formatBvh, parseBvh, readBvh } from "../../../src/io/bvh.ts";
import { createRandom } from "../../../src/random.ts";
import { failure } from "../../support/files.ts";
import { shared } from "../../support/shared.ts";

/** An upper and a lower arm; the elbow turns about z after x. */
const ARM = `HIERARCHY
ROOT upper arm {
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT elbow
  {
    OFFSET 2 0 0
    CHANNELS 3 Xrotation Zrotation Yrotation
    JOINT wrist
    {
      OFFSET 0 1 0
      CHANNELS 3 ZROTATION Xrotation yrotation
      End Site
      {
        OFFSET 0 0 -0.5
      }
    }
  }
}
MOTION
Frames: 2
Frame Time:\t0.04
0 0 0 0 0 0 0 0 0 0 0 0
10 20 30 90 0 0 90 0 0
0 0 0
`;

test("a tree with names, offsets, channels and ends, and its frames", () => {
  const { joints, frameCount, frameTime, values } = parseBvh(ARM);
  expect(joints.map(({ name, parent }) => [name, parent])).toEqual([["upper arm", -1], ["elbow", 0], ["wrist", 1]]); // biome-ignore format: pairs
  expect(joints[1]!.channels).toEqual(["Xrotation", "Zrotation", "Yrotation"]);
  expect(joints[2]).toMatchObject({ offset: [0, 1, 0], end: [0, 0, -0.5] });
  expect([frameCount, frameTime]).toEqual([2, 0.04]);
  expect([...values.slice(12)]).toEqual([10, 20, 30, 90, 0, 0, 90, 0, 0, 0, 0, 0]);
});

test("joint positions by hand: rotations multiply in channel order, positions add to the offset", () => {
  const motion = parseBvh(ARM);
  expect([...bvhJointPositions(motion, 0)]).toEqual([1, 2, 3, 3, 2, 3, 3, 3, 3]);
  // The root turns +x to +y: the elbow is 2 above it. Its own +y, turned by 90 degrees about x, is +z, and stays +z.
  expect([...bvhJointPositions(motion, 1)].map((v) => Math.round(v * 1e9) / 1e9)).toEqual([
    11, 22, 33, 11, 24, 33, 11, 24, 34,
  ]);
});

test("what is written reads back the same", () => {
  const motion = parseBvh(ARM);
  expect(parseBvh([...formatBvh(motion)].join(""))).toEqual(motion);
  const tiny = { ...motion, values: motion.values.map(() => -1e-9) };
  expect([...formatBvh(tiny)].join("")).not.toMatch(/-0\.000000|e-/);
  expect(() => [...formatBvh({ ...motion, frameCount: 3 })]).toThrow("3 frames of 12");
  expect(() => [...formatBvh({ ...motion, values: motion.values.map(() => Number.NaN) })]).toThrow("finite");
});

test("joints that are not in the order of a tree's text are written in it, with their numbers", () => {
  const joint = (name: string, parent: number, offset: number) =>
    ({ name, parent, offset: [offset, 0, 0], channels: ["Yrotation"] }) as const;
  const joints = [joint("hip", -1, 0), joint("left", 0, 1), joint("right", 0, -1), joint("leftFoot", 1, 2)];
  const motion = { joints, frameCount: 1, frameTime: 1, values: Float64Array.of(10, 20, 30, 40) };
  const back = parseBvh([...formatBvh(motion)].join(""));
  expect(back.joints.map(({ name, parent }) => `${name} ${parent}`)).toEqual([
    "hip -1",
    "left 0",
    "leftFoot 1",
    "right 0",
  ]);
  expect([...back.values]).toEqual([10, 20, 40, 30]);
});

test.each([
  ["", "expected HIERARCHY, got the end of the file"],
  ["HIERARCHY MOTION", "expected ROOT"],
  [ARM.replace("OFFSET 2 0 0", "OFFSET 2 zero 0"), 'line 7: expected a number, got "zero"'],
  [ARM.replace("OFFSET 2 0 0", "OFFSET 2 Infinity 0"), "expected a number"],
  [ARM.replace("yrotation", "wrotation"), "expected a channel (Xposition"],
  [ARM.replace("CHANNELS 3", "CHANNELS 300"), "at most 6 channels, got 300"],
  [ARM.replace("CHANNELS 3 Xrotation Zrotation", "CHANNELS 3 Xrotation Xrotation"), "a channel twice"],
  [ARM.replace("Frames: 2", "Frames: 99999999999"), "cut short: 99999999999 frames"],
  [ARM.replace("Frames: 2", "Frames: -2"), "expected a count"],
  [ARM.replace("Frames: 2", "Frames: 1"), "expected the end after 1 frames of 12 numbers"],
  [ARM.slice(0, -8), "expected a number, got the end of the file"],
  [ARM.replace("0.04", "-1"), "frame time must not be negative"],
  [`HIERARCHY ${"ROOT a\n{ OFFSET 0 0 0 JOINT b\n{ OFFSET 0 0 0 ".repeat(300)}`, "expected JOINT, End Site or }"],
  [`HIERARCHY ROOT a\n{ OFFSET 0 0 0 ${"JOINT b\n{ OFFSET 0 0 0 ".repeat(300)}`, "more than 256 inside one another"],
  [`HIERARCHY ROOT a\n{ OFFSET 0 0 0 } MOTION Frames: 1e15 Frame Time: 1 `, "cut short"],
])("what is wrong is said, with the line: %#", (text, message) => {
  expect(() => parseBvh(text, "arm.bvh")).toThrow(message);
  expect(() => parseBvh(text, "arm.bvh")).toThrow(/^arm\.bvh: /);
});

test("damaged text is read or refused, never anything else", () => {
  const random = createRandom(5, "bvh");
  for (let round = 0; round < 2000; round++) {
    const letters = [...ARM];
    for (let k = 0; k <= random.integer(4); k++)
      letters.splice(random.integer(letters.length), random.integer(12), String.fromCharCode(random.integer(128)));
    try {
      parseBvh(letters.join(""));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
});

test("files that are missing or too large are refused by name", async () => {
  const folder = await mkdtemp(join(tmpdir(), "motioncue-bvh-"));
  try {
    expect(await failure(readBvh(join(folder, "none.bvh")))).toMatch(/^FormatError: .*none\.bvh: expected a BVH file/);
    const large = join(folder, "large.bvh");
    await writeFile(large, "");
    await truncate(large, 2 ** 27 + 1);
    expect(await failure(readBvh(large))).toMatch("expected at most 134217728 bytes");
  } finally {
    await rm(folder, { recursive: true });
  }
});

const folder = shared("data/mocap");
test.skipIf(!folder)(
  "real files: all are read, stand upright, and are the same after writing and reading",
  async () => {
    const names = readdirSync(folder!).filter((name) => name.endsWith(".bvh"));
    expect(names.length).toBeGreaterThan(40);
    for (const name of names) {
      const motion = await readBvh(join(folder!, name));
      expect(motion.joints.length, name).toBe(basename(name).startsWith("cmu") ? 31 : 13);
      const back = parseBvh([...formatBvh(motion)].join(""), name);
      for (const frame of [0, motion.frameCount >> 1, motion.frameCount - 1])
        expect(farthest(motion, back, frame), name).toBeLessThan(1e-4);
    }
    // Walking: the root's height hardly changes, and the feet are below it.
    const walk = await readBvh(join(folder!, "cmu_walking_train_01.bvh"));
    const foot = walk.joints.findIndex(({ name }) => name === "LeftFoot");
    const first = bvhJointPositions(walk, 0);
    const unit = 0.056444;
    expect((first[1]! - first[3 * foot + 1]!) * unit).toBeGreaterThan(0.7);
    expect((first[1]! - first[3 * foot + 1]!) * unit).toBeLessThan(1.1);
  },
);

function farthest(a: BvhMotion, b: BvhMotion, frame: number): number {
  const other = bvhJointPositions(b, frame);
  return Math.max(...bvhJointPositions(a, frame).map((value, i) => Math.abs(value - other[i]!)));
}
