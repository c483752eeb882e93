import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ClipStore } from "../../../pipelines/clips/store.ts";
import { readKeypoints } from "../../../pipelines/refine/keypoint-files.ts";
import type { PersonKeypoints } from "../../../pipelines/refine/keypoint-formats.ts";
import { matchPeople, openKeypoints } from "../../../pipelines/refine/keypoint-match.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { jointSets } from "../../../smpl/joint-sets.ts";
import { loadBody } from "../../../smpl/load-body.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { silentLog } from "../../../src/log.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { sheetBody } from "../../support/sheet-body.ts";

beforeAll(() => startEngine());

const POINTS = jointSets["smpl-54"].names;
/** Somebody whose four limbs' ends span 40 x 100 px about (x, y). */
function person(x: number, y: number, track?: number): PersonKeypoints {
  const points = new Float32Array(3 * POINTS.length);
  const put = (name: string, dx: number, dy: number) => points.set([x + dx, y + dy, 0.5], 3 * POINTS.indexOf(name));
  put("head", 0, -50);
  put("leftAnkle", 10, 50);
  put("rightWrist", -20, 0);
  put("leftWrist", 20, 5);
  return { points, ...(track === undefined ? {} : { track }) };
}

/** Two people in frames 0 and 5 of a 400 x 200 video: track 7 about (100, 90) and track 8 about (150, 90). */
const squares = [
  { track: 7, cx: 100 },
  { track: 8, cx: 150 },
];
const store = {
  key: "toy",
  index: {
    video: "in/walk.mp4",
    width: 400,
    height: 200,
    cropSize: 60,
    flowSize: 60,
    clips: squares.map(({ track, cx }) => ({
      track,
      crops: [0, 5].map((frame) => ({ frame, time: frame / 25, cx, cy: 90, side: 120 })),
      pairs: [],
    })),
  },
} as unknown as ClipStore;
const head = (points: Float32Array | undefined) => {
  const k = POINTS.indexOf("head");
  return points && [...points.subarray(3 * k, 3 * k + 3)];
};

describe("matching", () => {
  test("everybody goes to the nearest square, once, and far people to none", () => {
    const found = matchPeople(store, new Map([[5, [person(145, 95), person(110, 90), person(300, 90)]]]));
    expect([...found.keys()].sort()).toEqual(["0/1", "1/1"]);
    // (145, 45) in the square about (150, 90) of side 120, at 60 px: (145 - 90 + 0.5) / 2 - 0.5 by the crop's map.
    const [x, y, confidence] = head(found.get("1/1"))!;
    expect(x).toBeCloseTo((145 - 90) / 2 - 0.5, 5);
    expect(y).toBeCloseTo((45 - 30) / 2 - 0.5, 5);
    expect(confidence).toBe(0.5);
    expect(head(found.get("0/1"))![0]).toBeCloseTo((110 - 40) / 2 - 0.5, 5);
  });

  test("a track that is named wins over what is nearer", () => {
    const found = matchPeople(store, new Map([[0, [person(100, 90), person(101, 90, 7), person(150, 90, 9)]]]));
    expect([...found.keys()].sort()).toEqual(["0/0", "1/0"]);
    expect(head(found.get("0/0"))![0]).toBeCloseTo((101 - 40) / 2 - 0.5, 5);
  });
});

const json = (value: unknown) => JSON.stringify(value);
const own = (x: number, y: number, video?: string) => ({
  format: "motioncue-keypoints",
  ...(video ? { video } : {}),
  joints: ["head", "leftAnkle", "nose"],
  tracks: [{ id: 7, frames: [{ index: 0, points: [[x, y, 0.5], [x, y + 90, 1], [x, y + 5, 0.25]] }] }], // biome-ignore format: one
});
const openPose = (x: number) => ({
  people: [{ pose_keypoints_2d: Array.from({ length: 25 }, (_, i) => [x + i, 50 + 3 * i, 0.5]).flat() }],
});

describe("files", () => {
  test("by name in a folder, OpenPose's per frame there or one below, or a file itself", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "run"));
    writeFileSync(join(folder, "walk.keypoints.json"), json(own(1, 2)));
    writeFileSync(join(folder, "run", "run_000000000000_keypoints.json"), json(openPose(5)));
    writeFileSync(join(folder, "run", "run_000000000012_keypoints.json"), json({ people: [] }));
    writeFileSync(join(folder, "run", "runner_000000000001_keypoints.json"), "not json");
    const at = async (choice: string, video: string) => {
      const found = await readKeypoints(choice, video);
      return found && [...found.people].map(([frame, people]) => [frame, people.length]);
    };
    expect(await at(folder, "videos/walk.mp4")).toEqual([[0, 1]]);
    expect(await at(folder, "run.mov")).toEqual([[0, 1], [12, 0]]); // biome-ignore format: frames
    expect(await at(join(folder, "run"), "run.mov")).toHaveLength(2);
    expect(await at(folder, "other.mp4")).toBeUndefined();
    expect(await at(join(folder, "walk.keypoints.json"), "any.mp4")).toEqual([[0, 1]]);
    writeFileSync(join(folder, "coco.json"), json([{ image_id: 6, keypoints: new Array(51).fill(1) }]));
    expect(await at(join(folder, "coco.json"), "any.mp4")).toEqual([[6, 1]]);
    expect(await failure(readKeypoints(join(folder, "absent"), "a.mp4"))).toMatch(/^OptionError: --keypoints/);
    expect(await failure(readKeypoints(join(folder, "run"), "runner.mp4"))).toMatch(/^FormatError: .*as JSON/);
    writeFileSync(join(folder, "of.json"), json(own(1, 2, "dance.mp4")));
    expect(await failure(readKeypoints(join(folder, "of.json"), "a.mp4"))).toContain(
      "keypoints of a, got those of dance",
    );
  });
});

describe("a run's keypoints", () => {
  test("hold the points that files and body share, by frame, and fit what the sampler gives", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "walk.keypoints.json"), json(own(100, 40)));
    const body = await loadBody("default");
    const source = await openKeypoints(folder, [store], body.host, createContext(silentLog));
    const keypoints = source.keypointsOf([
      { store, clip: 0, crop: 0 },
      { store, clip: 1, crop: 1 },
    ]);
    const rest = { rotations: identities(), betas: zeros(body.betaCount) };
    const joints = source.sampler.joints(body.forward(rest as never));
    // Left ankle and head of the skeleton, in its order, then the nose, which is a vertex.
    expect(joints.shape).toEqual([1, 3, 3]);
    const first = (x: number) => (x - 40) / 2 - 0.5;
    const firstY = (y: number) => (y - 30) / 2 - 0.5;
    const expected = [first(100), firstY(130), 1, first(100), firstY(40), 0.5, first(100), firstY(45), 0.25];
    keypoints.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i] ?? 0, 4);
    });
    expect(keypoints).toHaveLength(18);
    expect(source.matched).toBe(1);
    const heights = joints.dataSync();
    expect(heights[4]).toBeGreaterThan(heights[1]! + 1);
    source.sampler.dispose();
    body.dispose();
  });

  test("a body without picked vertices leaves them out; nothing to match is an error", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "walk.keypoints.json"), json(own(100, 40)));
    const body = sheetBody();
    const source = await openKeypoints(folder, [store], body.host, createContext(silentLog));
    expect(source.keypointsOf([{ store, clip: 0, crop: 0 }])).toHaveLength(6);
    source.sampler.dispose();
    writeFileSync(join(folder, "walk.keypoints.json"), json({ ...own(1, 1), tracks: [] }));
    expect(await failure(openKeypoints(folder, [store], body.host, createContext(silentLog)))).toContain(
      "expected keypoints of the people in the videos",
    );
  });
});

function identities() {
  return tf.tile(tf.reshape(tf.eye(3), [1, 1, 3, 3]), [1, 24, 1, 1]);
}

function zeros(count: number) {
  return tf.zeros([1, count]);
}
