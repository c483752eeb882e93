import { beforeAll, describe, expect, test } from "vitest";
import type { ClipStore } from "../../../pipelines/clips/store.ts";
import { createCue } from "../../../pipelines/cues.ts";
import { templateJointMap } from "../../../pipelines/labelled/template-joints.ts";
import { judgeClip } from "../../../pipelines/refine/template-gates.ts";
import { judgeStore, tellGates, templateSource } from "../../../pipelines/refine/template-keypoints.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { createRandom } from "../../../src/random.ts";
import { loadTemplate, templateJoints } from "../../../templates/part-template.ts";
import { toyFrames, toyInputs, toyPixels } from "../../support/toy-scene.ts";

beforeAll(() => startEngine());

const SIZE = 100;
const T = 12;
const template = loadTemplate("arms-down");
const joints = templateJointMap(template.joints.map(({ name }) => name));
const K = joints.names.length;
const REST = templateJoints(template, SIZE).flat();
const knee = joints.names.indexOf("left-knee");
const wrist = joints.names.indexOf("right-wrist");

/** T frames of somebody who lifts a knee and waves the other hand, all of it changed by `change(value, index, frame)`. */
function person(change: (x: number, i: number, t: number) => number = (x) => x): Float32Array {
  return Float32Array.from({ length: T * K * 2 }, (_, at) => {
    const [t, i] = [Math.floor(at / (2 * K)), at % (2 * K)];
    const moves = i === 2 * knee + 1 ? -8 * Math.sin(t) : i === 2 * wrist ? 12 * Math.sin(0.7 * t) : 0;
    return change(REST[i]! + moves, i, t);
  });
}
const sure = () => new Float32Array(T * K * 4).fill(1);
const judge = (keypoints: Float32Array, terms = sure(), projected = person()) =>
  judgeClip({ keypoints, terms, projected, cropSize: SIZE }, joints);
const noise = (deviation: number) => {
  const random = createRandom(5, "noise");
  return () => random.normal(0, deviation);
};

/** Crops of one track, as a store has them. */
const store = {
  index: {
    video: "walk.mp4",
    cropSize: SIZE,
    clips: [{ track: 3, crops: Array.from({ length: T }, (_, frame) => ({ frame })), pairs: [] }],
  },
} as unknown as ClipStore;
const sourceOf = (keypoints: Float32Array, terms = sure(), projected = person()) => {
  const judged = judgeStore(store, { keypoints, terms }, projected, joints);
  const frames = Array.from({ length: T }, (_, crop) => ({ store, clip: 0, crop }));
  const source = templateSource(judged, joints);
  return { judged, source, keypoints: source.keypointsOf(frames) };
};

describe("a template that follows the person", () => {
  test("keeps its confidence, which is the product of the terms and of how far the joint is trusted", () => {
    const terms = sure();
    // Frame 2, knee: 0.5 * 0.8 of the terms, trust 0.5.
    terms.set([1, 1, 0.5, 0.8], 4 * (2 * K + knee));
    const { problem, confidence, gated } = judge(person(), terms);
    expect(problem).toBeUndefined();
    expect(confidence[2 * K + knee]).toBeCloseTo(0.2, 6);
    expect(confidence[3 * K + knee]).toBeCloseTo(0.5, 6);
    expect(gated).toEqual({ anchors: 0, bounds: 0, flip: 0, flow: 0 });
  });

  test("loses frames with fewer than four sure joints, told by what made them unsure", () => {
    const terms = sure();
    // Frame 1: flow is bad everywhere; frame 4: three joints are left by the bounds.
    for (let k = 0; k < K; k++) terms[4 * (K + k) + 3] = 0.1;
    for (let k = 3; k < K; k++) terms[4 * (4 * K + k) + 1] = 0;
    const { confidence, gated, problem } = judge(person(), terms);
    expect(problem).toBeUndefined();
    expect(gated).toEqual({ anchors: 0, bounds: 1, flip: 0, flow: 1 });
    const used = Array.from({ length: T }, (_, t) => confidence.subarray(t * K, (t + 1) * K).some((c) => c > 0));
    expect(used.flatMap((is, t) => (is ? [] : [t]))).toEqual([1, 4]);
  });

  test("is brought onto the body's joints: what is off in all frames is taken out, what is off in one stays", () => {
    const off = person((x, i, t) => x + (i % 2 === 0 ? 3 : -2) + (i === 2 * knee && t === 5 ? 7 : 0));
    const { keypoints, source } = sourceOf(off);
    expect(source.matched).toBe(T);
    const at = (t: number, k: number) => [...keypoints.subarray(3 * (t * K + k), 3 * (t * K + k) + 3)];
    const body = person();
    const place = (t: number, k: number) => [body[2 * (t * K + k)]!, body[2 * (t * K + k) + 1]!];
    const [x, y] = place(5, knee) as [number, number];
    expect(at(5, knee)).toEqual([expect.closeTo(x + 7, 4), expect.closeTo(y, 4), 0.5]);
    expect(at(8, wrist).slice(0, 2)).toEqual(place(8, wrist).map((value) => expect.closeTo(value, 4)));
  });

  test("and sees the person from behind, is compared with the other sides", () => {
    const mirrorOf = (points: Float32Array) =>
      points.map((_, at) => points[at + 2 * (joints.mirror[(at >> 1) % K]! - ((at >> 1) % K))]!);
    const projected = mirrorOf(person());
    const { problem, targets } = judge(person(), sure(), projected);
    expect(problem).toBeUndefined();
    expect([...targets]).toEqual([...person()]);
    expect(sourceOf(person(), sure(), projected).source.mirror).toBe(joints.mirror);
  });
});

describe("a collapsed template", () => {
  const jitter = noise(0.3);
  const wild = noise(6);
  const cases: [string, Float32Array, string][] = [
    ["says the same in all frames", person((_, i) => REST[i]!), "still"],
    ["says the same but for a little noise", person((_, i) => REST[i]! + jitter()), "still"],
    ["moves as it likes", person((_, i) => REST[i]! + wild()), "unrelated"],
    ["moves against the body", person((x, i) => 2 * REST[i]! - x), "unrelated"],
    ["has all joints in a heap", person((x) => 50 + 0.3 * (x - 50)), "heaped"],
    ["scatters them", person((x) => 50 + 2.5 * (x - 50)), "heaped"],
    ["is somewhere else", person((x, i) => (i % 2 === 0 ? x + 16 : x)), "far"],
    ["gives no numbers", person(() => Number.NaN), "heaped"],
  ];
  test.each(cases)("that %s contributes exactly nothing", (_, keypoints, problem) => {
    const { judged, source, keypoints: given } = sourceOf(keypoints);
    expect(judged[0]!.problem).toBe(problem);
    expect(source.matched).toBe(0);
    expect(given.every((x) => x === 0)).toBe(true);
    expect(tellGates(judged)).toEqual([
      expect.stringMatching(/^template keypoints: walk\.mp4 track 3: 12 frames left out: the joints/),
      "template keypoints: 0 of 12 frames used; left out: 12 with their clips, 0 alone",
    ]);

    const cue = createCue("keypoints");
    const pixels = toyPixels();
    const flow = tf.zeros([1, 32, 32, 2]) as never;
    const loss = (points: Tensor) => {
      const names = Array.from({ length: T }, (_, frame) => ({ video: "walk.mp4", track: "3", frame }));
      const predicted = { ...toyFrames(pixels), points: points as Tensor3D };
      const frames = { names, predicted, pairs: [], triples: [], keypoints: given, keypointMirror: joints.mirror };
      return cue.loss({ ...toyInputs(pixels, pixels, flow, flow), frames }).value as tf.Scalar;
    };
    const { value, grad } = tf.valueAndGrad(loss)(tf.tensor3d(person(), [T, K, 2]));
    expect(value.dataSync()[0]).toBe(0);
    expect(grad.dataSync().every((x) => x === 0)).toBe(true);
  });

  test("nor do clips that are too short to be judged, or whose frames are all unsure", () => {
    const unsure = sure();
    for (let at = 2; at < unsure.length; at += 4) unsure[at] = 0.1;
    const { judged, source } = sourceOf(person(), unsure);
    expect(judged[0]).toMatchObject({ problem: "unsure", gated: { flip: T } });
    expect(source.matched).toBe(0);
    const short = { projected: person().slice(0, 10 * K), keypoints: person().slice(0, 10 * K), terms: sure() };
    expect(judgeClip({ ...short, cropSize: SIZE }, joints).problem).toBe("unsure");
  });
});

test("the log tells single frames by their reason, beside what is used", () => {
  const terms = sure();
  for (let k = 0; k < K; k++) terms[4 * k + 2] = 0.05;
  for (let k = 0; k < K; k++) terms[4 * (3 * K + k) + 3] = 0.05;
  expect(tellGates(sourceOf(person(), terms).judged)).toEqual([
    "template keypoints: 10 of 12 frames used; left out: 0 with their clips, 2 alone (1 by flip, 1 by flow)",
  ]);
});
