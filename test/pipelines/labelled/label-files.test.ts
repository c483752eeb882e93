import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { openLabelledDataset } from "../../../pipelines/labelled/dataset.ts";
import { JOINTS } from "../../../smpl/joints.ts";
import { axisAngleToMatrixHost } from "../../../src/geometry/rotation.ts";
import { createImage } from "../../../src/image/image.ts";
import { writePng } from "../../../src/image/png.ts";
import type { NpyArray } from "../../../src/io/npy.ts";
import { writeNpz } from "../../../src/io/npz.ts";
import { createRandom } from "../../../src/random.ts";
import { failure, temporaryFolder } from "../../support/files.ts";

const random = createRandom(3, "label files");
const numbers = (count: number, low: number, high: number) =>
  Array.from({ length: count }, () => Math.fround(random.uniform(low, high)));

/** Two people in two pictures: poses, shapes and the 49 joints of SPIN and EFT in pixels with confidences. */
const PEOPLE = ["a.png", "b.png"].map((name, i) => ({
  name,
  center: [20 + i, 15.5],
  scale: 0.125,
  pose: numbers(72, -0.5, 0.5),
  shape: numbers(10, -2, 2),
  joints: Array.from({ length: 49 }, (_, k) => [...numbers(2, 0, 30), k % 5 === 0 ? 0 : 1]),
  joints3d: Array.from({ length: 49 }, (_, k) => (k % 7 === 0 ? [0, 0, 0] : numbers(3, -1, 1))),
}));
type Person = (typeof PEOPLE)[number];

const floats = (rows: readonly (readonly number[])[], shape: readonly number[]): NpyArray => ({
  dtype: "float32",
  shape: [rows.length, ...shape],
  data: Float32Array.from(rows.flat()),
});
const texts = (data: string[]): NpyArray => ({ dtype: "string", shape: [data.length], data });
const all = <T>(pick: (person: Person) => T) => PEOPLE.map(pick);

async function folderWithPictures(): Promise<string> {
  const folder = temporaryFolder();
  for (const { name } of PEOPLE) {
    const path = join(folder, "pictures", "train", name);
    await mkdir(dirname(path), { recursive: true });
    await writePng(path, createImage(30, 40));
  }
  return folder;
}

const spin = (): Record<string, NpyArray> => ({
  imgname: texts(all(({ name }) => `train/${name}`)),
  center: floats(all(({ center }) => center), [2]), // biome-ignore format: table
  scale: { dtype: "float64", shape: [2], data: Float64Array.from(all(({ scale }) => scale)) },
  pose: floats(all(({ pose }) => pose), [72]), // biome-ignore format: table
  shape: floats(all(({ shape }) => shape), [10]), // biome-ignore format: table
  openpose: floats(all(({ joints }) => joints.slice(0, 25).flat()), [25, 3]), // biome-ignore format: table
  part: floats(all(({ joints }) => joints.slice(25).flat()), [24, 3]), // biome-ignore format: table
});
const eft = () => ({
  ver: 0.1,
  data: PEOPLE.map(({ name, center, scale, pose, shape, joints }) => {
    const flat = [...axisAngleToMatrixHost(pose)];
    const matrices = Array.from({ length: 24 }, (_, j) =>
      [0, 3, 6].map((row) => flat.slice(9 * j + row, 9 * j + row + 3)),
    );
    return {
      parm_pose: matrices,
      parm_shape: shape,
      parm_cam: [0.9, 0.1, -0.2],
      bbox_scale: scale,
      bbox_center: center,
      gt_keypoint_2d: joints,
      joint_validity_openpose18: new Array(18).fill(1),
      smpltype: "smpl",
      annotId: 12,
      imageName: name,
    } as Record<string, unknown>;
  }),
});
const vibe = (): Record<string, NpyArray> => ({
  img_name: texts(all(({ name }) => `/home/somebody/data/pictures/train/${name}`)),
  vid_name: texts(["one", "one"]),
  bbox: floats(all(({ center, scale }) => [...center, (200 * scale) / 1.3, (200 * scale) / 1.3 - 3]), [4]), // biome-ignore format: table
  pose: floats(all(({ pose }) => pose), [72]), // biome-ignore format: table
  shape: floats(all(({ shape }) => shape), [10]), // biome-ignore format: table
  joints2D: floats(all(({ joints }) => joints.flat()), [49, 3]), // biome-ignore format: table
});

async function open(folder: string, name: string, content: Record<string, NpyArray> | object, images = "pictures") {
  const path = join(folder, name);
  if (name.endsWith(".npz")) await writeNpz(path, content as Record<string, NpyArray>);
  else await writeFile(path, JSON.stringify(content));
  return openLabelledDataset(path, join(folder, images));
}

test("the same labels from SPIN's, EFT's and VIBE's files", async () => {
  const folder = await folderWithPictures();
  const reference = await open(folder, "spin.npz", spin());
  const others = [await open(folder, "eft.json", eft(), "pictures/train"), await open(folder, "vibe.npz", vibe())];
  for (const dataset of others) {
    expect(dataset.count).toBe(2);
    for (let i = 0; i < 2; i++) {
      const [labels, expected] = [dataset.labels(i), reference.labels(i)];
      expect(Object.keys(labels).sort()).toEqual(Object.keys(expected).sort());
      expect(labels.joints2d).toEqual(expected.joints2d);
      expect(labels.betas).toEqual(expected.betas);
      expect(labels.square.cx).toBe(expected.square.cx);
      expect(labels.square.side).toBeCloseTo(expected.square.side, 4);
      labels.pose!.forEach((value, k) => {
        expect(value).toBeCloseTo(expected.pose![k]!, 5);
      });
      expect(dataset.imagePath(i).endsWith(join("pictures", "train", PEOPLE[i]!.name))).toBe(true);
      expect((await dataset.wide(i, 26)).image.data.length).toBe(26 * 26 * 3);
    }
  }
  // By hand: entry 1's square is 25 px about (21, 15.5); GT-24's first joint is the right ankle.
  expect(reference.labels(1).square).toEqual({ cx: 21, cy: 15.5, side: 25 });
  const ankle = 3 * JOINTS.rightAnkle;
  expect([...reference.labels(1).joints2d!.slice(ankle, ankle + 2)]).not.toEqual([0, 0]);
});

test("EFT: any subset; records without a pose or without keypoints lack them alone", async () => {
  const folder = await folderWithPictures();
  const some = eft();
  some.data[0] = {
    imageName: "a.png",
    bbox_center: [1, 2],
    bbox_scale: 2,
    gt_keypoint_2d: some.data[0]!["gt_keypoint_2d"],
  };
  delete some.data[1]!["gt_keypoint_2d"];
  const dataset = await open(folder, "some.json", some, "pictures/train");
  expect(dataset.labels(0).pose).toBeUndefined();
  expect(dataset.labels(0).betas).toBeUndefined();
  expect(dataset.labels(0).square.side).toBe(400);
  expect(dataset.labels(1).betas).toHaveLength(10);
  expect(Math.max(...dataset.labels(1).joints2d!)).toBe(0);
});

test("VIBE: rows that are not valid are left out, joints at 0 are not known, 14 joints begin with the right ankle", async () => {
  const folder = await folderWithPictures();
  const { pose: _pose, shape: _shape, ...rest } = vibe();
  const first14 = all(({ joints }) => joints.slice(25, 39).flat());
  const dataset = await open(folder, "db.npz", {
    ...rest,
    joints2D: floats(first14, [14, 3]),
    joints3D: floats(all(({ joints3d }) => joints3d.flat()), [49, 3]), // biome-ignore format: table
    valid: { dtype: "bool", shape: [2], data: Uint8Array.of(0, 1) },
  });
  expect(dataset.count).toBe(1);
  expect(dataset.imagePath(0).endsWith("b.png")).toBe(true);
  const labels = dataset.labels(0);
  expect(Object.keys(labels).sort()).toEqual(["joints2d", "joints3d", "square"]);
  // 31 is the right wrist in SPIN's 49; 28, the left hip, is at 0 there, but so is no OpenPose left hip (12).
  const [wrist, hip] = [JOINTS.rightWrist, JOINTS.leftHip];
  const own = PEOPLE[1]!;
  expect([...labels.joints2d!.slice(3 * wrist, 3 * wrist + 3)]).toEqual(own.joints[31]);
  expect([...labels.joints3d!.slice(4 * wrist, 4 * wrist + 4)]).toEqual([...own.joints3d[31]!, 1]);
  expect([...labels.joints3d!.slice(4 * hip, 4 * hip + 4)]).toEqual([...own.joints3d[12]!, 1]);
});

test("what is wrong is said, with file, record and field", async () => {
  const folder = await folderWithPictures();
  const eftFailure = (change: Record<string, unknown>) => {
    const file = eft();
    Object.assign(file.data[1]!, change);
    return failure(open(folder, "bad.json", file, "pictures/train"));
  };
  expect(await eftFailure({ parm_pose: [1, 2] })).toMatch(
    /^FormatError: .*bad\.json: record 1: parm_pose must hold 216/,
  );
  expect(await eftFailure({ parm_pose: new Array(216).fill(0.5) })).toContain("rotation matrices; joint 0's is none");
  expect(await eftFailure({ parm_shape: [..."0123456789"] })).toContain("parm_shape must hold 10 finite numbers");
  expect(await eftFailure({ parm_shape: null })).toContain("parm_shape must be in all records");
  expect(await eftFailure({ bbox_scale: 0 })).toContain("bbox_scale must be positive");
  expect(await eftFailure({ bbox_center: undefined })).toContain("bbox_center must hold 2 finite numbers");
  expect(await eftFailure({ imageName: 7 })).toContain("imageName must be a text");
  expect(await eftFailure({ imageName: "../../etc/passwd" })).toContain("imageName 1 must lie inside --images");
  expect(await eftFailure({ smpltype: "smplx" })).toContain('expected smpltype "smpl", got "smplx"');
  expect(await failure(open(folder, "none.json", { ver: 1, data: [] }))).toContain("data must have 1 to");

  const vibeFailure = (change: Record<string, NpyArray>) => failure(open(folder, "bad.npz", { ...vibe(), ...change }));
  expect(await vibeFailure({ bbox: floats([[1, 2], [3, 4]], [2]) })).toContain("bbox must have shape [2, 4], got [2, 2]"); // biome-ignore format: table
  expect(await vibeFailure({ bbox: floats([[1, 2, 0, 0], [3, 4, 5, 5]], [4]) })).toContain("bbox width or height must be positive at index 0"); // biome-ignore format: table
  expect(await vibeFailure({ joints2D: floats([[1, 2, 3], [3, 4, 5]], [1, 3]) })).toContain("expected 14, 24 or 49 joints, got 1"); // biome-ignore format: table
  expect(await vibeFailure({ valid: { dtype: "bool", shape: [2], data: new Uint8Array(2) } })).toContain("no entry");
  await writeFile(join(folder, "3dpw_db.pt"), "x");
  expect(await failure(openLabelledDataset(join(folder, "3dpw_db.pt"), folder))).toContain("joblib.load");
});
