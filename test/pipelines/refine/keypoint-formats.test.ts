import { describe, expect, test } from "vitest";
import { parseCoco, parseOpenPose, parseOwnKeypoints } from "../../../pipelines/refine/keypoint-formats.ts";
import { jointSets } from "../../../smpl/joint-sets.ts";

const POINTS = jointSets["smpl-54"].names;
/** x, y, confidence of a named point. */
const at = (points: Float32Array, name: string) => {
  const k = POINTS.indexOf(name);
  expect(k, name).toBeGreaterThanOrEqual(0);
  return [...points.subarray(3 * k, 3 * k + 3)];
};
/** Keypoint i at (i, 100 + i) with confidence i / 32. */
const numbered = (count: number) => Array.from({ length: count }, (_, i) => [i, 100 + i, i / 32]).flat();
const known = (points: Float32Array) => POINTS.filter((_, k) => points[3 * k + 2]! > 0).length;

describe("OpenPose", () => {
  test("BODY_25 and the 18 of the COCO model, each under its own order", () => {
    const [a, b] = parseOpenPose("p", {
      people: [{ pose_keypoints_2d: numbered(25) }, { person_id: [-1], pose_keypoints_2d: numbered(18) }],
    });
    // BODY_25: 4 right wrist, 8 middle of the hips, 12 left hip, 19 left big toe, 24 right heel.
    expect(at(a!.points, "rightWrist")).toEqual([4, 104, 4 / 32]);
    expect(at(a!.points, "pelvis")).toEqual([8, 108, 0.25]);
    expect(at(a!.points, "leftHip")).toEqual([12, 112, 12 / 32]);
    expect(at(a!.points, "leftBigToe")).toEqual([19, 119, 19 / 32]);
    expect(at(a!.points, "rightHeel")).toEqual([24, 124, 0.75]);
    // The nose has confidence 0 here.
    expect(known(a!.points)).toBe(24);
    // COCO's 18: 8 right hip, 11 left hip, 17 left ear.
    expect(at(b!.points, "rightHip")).toEqual([8, 108, 0.25]);
    expect(at(b!.points, "leftHip")).toEqual([11, 111, 11 / 32]);
    expect(at(b!.points, "leftEar")).toEqual([17, 117, 17 / 32]);
    expect(parseOpenPose("p", { version: 1.3, people: [] })).toEqual([]);
  });

  test("what is not OpenPose's is refused by the place that is wrong", () => {
    expect(() => parseOpenPose("p", [])).toThrow('p: expected OpenPose\'s list "people"');
    expect(() => parseOpenPose("p", { people: [{}] })).toThrow("people[0].pose_keypoints_2d to hold 75 numbers");
    const bad = [...numbered(25).slice(0, 74), "0.5"];
    expect(() => parseOpenPose("p", { people: [{ pose_keypoints_2d: bad }] })).toThrow('finite numbers, got "0.5"');
  });
});

describe("COCO", () => {
  test("a data set: v says whether, images say which frame", () => {
    const keypoints = numbered(17).map((x, i) => (i % 3 === 2 ? Math.floor(i / 3) % 3 : x));
    const images = [
      { id: 70, file_name: "walk/video2_000012.jpg" },
      { id: 71, file_name: "b.jpg", frame_id: 3 },
      { id: 72, file_name: "c.jpg" },
    ];
    const found = parseCoco("p", {
      images,
      annotations: [70, 71, 72, 71].map((image_id) => ({ image_id, keypoints })),
    });
    expect([...found].map(([frame, people]) => [frame, people.length])).toEqual([[12, 1], [3, 2], [72, 1]]); // biome-ignore format: frames
    const { points } = found.get(12)![0]!;
    // COCO: 5 left shoulder (v 2), 6 right shoulder (v 0), 16 right ankle (v 1).
    expect(at(points, "leftShoulder")).toEqual([5, 105, 1]);
    expect(at(points, "rightShoulder")).toEqual([6, 106, 0]);
    expect(at(points, "rightAnkle")).toEqual([16, 116, 1]);
  });

  test("a list of results: scores are confidences, image_id the frame or a name; people without keypoints are passed over", () => {
    const keypoints = numbered(17);
    const found = parseCoco("p", [
      { image_id: 4, keypoints, score: 0.9 },
      { image_id: "frame_0008.png", keypoints },
      { image_id: 9, bbox: [0, 0, 1, 1] },
    ]);
    expect([...found.keys()]).toEqual([4, 8]);
    expect(at(found.get(8)![0]!.points, "leftWrist")).toEqual([9, 109, 9 / 32]);
  });

  test("a category may name other keypoints", () => {
    const categories = [{ id: 1, keypoints: ["left_knee", "tail", "right-knee"] }];
    const annotations = [{ image_id: 0, keypoints: [1, 2, 2, 3, 4, 2, 5, 6, 1] }];
    const { points } = parseCoco("p", { annotations, categories }).get(0)![0]!;
    expect(at(points, "leftKnee")).toEqual([1, 2, 1]);
    expect(at(points, "rightKnee")).toEqual([5, 6, 1]);
    expect(known(points)).toBe(2);
    expect(() => parseCoco("p", { annotations, categories: [{ keypoints: ["tail", "paw", "ear"] }] })).toThrow(
      "keypoints a body has",
    );
  });

  test("errors name the place", () => {
    expect(() => parseCoco("p", {})).toThrow('COCO\'s list "annotations"');
    expect(() => parseCoco("p", [7])).toThrow("expected [0] to be a record, got 7");
    expect(() => parseCoco("p", [{ image_id: -1, keypoints: numbered(17) }])).toThrow("to name a frame");
    expect(() => parseCoco("p", [{ image_id: 1, keypoints: numbered(16) }])).toThrow(
      "[0].keypoints to hold 51 numbers, got 48",
    );
  });
});

describe("MotionCue's own", () => {
  const file = (
    frames: unknown[],
    joints: unknown = ["left-knee", "core", "nose", "mpii:pelvis"],
    id: unknown = 4,
  ) => ({
    format: "motioncue-keypoints",
    joints,
    tracks: [{ id, frames }],
  });

  test("named joints by track and frame; null is unknown, other names are passed over", () => {
    const points = [[5, 6, 0.5], [1, 1, 1], null, [2.5, -3, 7]]; // biome-ignore format: one frame
    const found = parseOwnKeypoints("p", file([{ index: 3, points }]));
    const [person] = found.get(3)!;
    expect(person!.track).toBe(4);
    expect(at(person!.points, "leftKnee")).toEqual([5, 6, 0.5]);
    expect(at(person!.points, "mpii:pelvis")).toEqual([2.5, -3, 1]);
    expect(known(person!.points)).toBe(2);
    const { tracks } = file([{ index: 3, points }]);
    const anonymous = { ...file([]), tracks: [{ frames: tracks[0]!.frames }] };
    expect(parseOwnKeypoints("p", anonymous).get(3)![0]!.track).toBeUndefined();
  });

  test("errors name the place", () => {
    const fails = (content: Record<string, unknown>) => () => parseOwnKeypoints("p", content);
    expect(fails(file([], "nose"))).toThrow('a list "joints" of names');
    expect(fails(file([], ["core"]))).toThrow("expected joints that a body has");
    expect(fails(file([], ["nose"], "a"))).toThrow('tracks[0].id to be an integer, got "a"');
    expect(fails({ ...file([]), tracks: 3 })).toThrow('a list "tracks", got 3');
    expect(fails(file([{ index: -1, points: [] }]))).toThrow("tracks[0].frames[0].index to count frames");
    expect(fails(file([{ index: 1, points: [[1, 2, 3]] }]))).toThrow("to hold 4 entries");
    expect(fails(file([{ index: 1, points: [null, null, [1, 2], null] }]))).toThrow("to hold 12 numbers, got 11");
  });
});
