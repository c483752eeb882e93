import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ClipStore } from "../../../pipelines/clips/store.ts";
import { templateJointMap } from "../../../pipelines/labelled/template-joints.ts";
import { estimateStore, makeEstimates, openFinder, type TemplateFinder } from "../../../pipelines/refine/template-estimates.ts"; // biome-ignore format: one line
import { templateSampler } from "../../../pipelines/refine/template-keypoints.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { saveTemplate } from "../../../pipelines/templates/model-file.ts";
import { JOINT_NAMES } from "../../../smpl/joints.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor3D, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import type { TemplateEstimator } from "../../../templates/estimator.ts";
import { createTemplateEstimator } from "../../../templates/estimators.ts";
import { failure, temporaryFolder } from "../../support/files.ts";

beforeAll(() => startEngine());

/** Crops of 32 px with one bright pixel at (8, 11) + t step; pairs of neighbours between which all moves by `flow`. */
function brightStore(
  frames: number,
  flow: readonly [number, number],
  step: readonly [number, number] = [2, 1],
): ClipStore {
  const square = { cx: 50, cy: 40, side: 64 };
  return {
    key: "bright",
    index: {
      video: "bright.mp4",
      width: 200,
      // The frame ends below row 67 of the picture: row (67.5 - 8) / 2 - 0.5 = 29.25 of the crops.
      height: 68,
      cropSize: 32,
      flowSize: 32,
      clips: [
        {
          track: 1,
          crops: Array.from({ length: frames }, (_, frame) => ({ frame, time: frame / 25, ...square })),
          pairs: Array.from({ length: frames - 1 }, (_, i) => [i, i + 1] as const),
        },
      ],
    },
    readCrop: async (_clip, crop, into, offset) => {
      into.fill(0, offset, offset + 32 * 32 * 3);
      const at = offset + 3 * (32 * (11 + step[1] * crop) + 8 + step[0] * crop);
      into.fill(255, at, at + 3);
    },
    readFlow: async () => ({
      forward: Float32Array.from({ length: 32 * 32 * 2 }, (_, i) => flow[i % 2]!),
      backward: Float32Array.from({ length: 32 * 32 * 2 }, (_, i) => -flow[i % 2]!),
    }),
  };
}

/** Finds the brightest place and says: left knee 2 px left of it, right knee 3 px right of it, and a point without a name. */
const brightest = (size: number) => {
  let asked = 0;
  const estimator = {
    size,
    jointNames: ["left-knee", "point-3", "right-knee"],
    infer(images: Tensor4D) {
      asked += images.shape[0];
      const weights = tf.sum(images, 3);
      const total = tf.sum(weights, [1, 2]);
      const along = tf.range(0, size);
      const x = tf.div(tf.sum(tf.mul(tf.sum(weights, 1), along), 1), total);
      const y = tf.div(tf.sum(tf.mul(tf.sum(weights, 2), along), 1), total);
      const joint = (dx: number) => tf.stack([tf.add(x, dx), y], 1);
      return { keypoints: tf.stack([joint(-2), joint(0), joint(3)], 1) as Tensor3D };
    },
  } as unknown as TemplateEstimator;
  const finder: TemplateFinder = {
    estimator,
    joints: templateJointMap(estimator.jointNames),
    boxScale: 1.3,
    digest: "bright",
  };
  return { finder, asked: () => asked };
};
const context = createContext();
const near = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 4));

describe("estimates", () => {
  test("are in pixels of the regressor's crops, with a confidence by bounds, flip and flow of each joint", async () => {
    const { keypoints, terms } = await makeEstimates(brightest(32).finder, brightStore(3, [2, 1]), context);
    // Frame t: the knees at (6 + 2 t, 11 + t) and (11 + 2 t, 11 + t), in the mirror image at 5 and 10 seen from here.
    expect([...keypoints]).toEqual(near([5.5, 11, 10.5, 11, 7.5, 12, 12.5, 12, 9.5, 13, 14.5, 13]));
    // Mirrored, the left one is 3 px to the other side of the bright pixel: 1 px from where the right one is not.
    const flip = Math.exp(-((1 / 32 / 0.05) ** 2));
    for (let at = 0; at < 6; at++) expect([...terms.subarray(4 * at, 4 * at + 4)]).toEqual(near([1, 1, flip, 1]));
  });

  test("of pictures of another size are moved between pixel centres", async () => {
    const { keypoints } = await makeEstimates(brightest(64).finder, brightStore(1, [2, 1]), context);
    // Bright pixel 8 of 32 lies at 16.5 of 64; joints 2 left and 3 right of it there, 3 and 2 in the mirror image, so at 14 and 19 in
    // the mean: 6.75 and 9.25 here.
    expect([...keypoints]).toEqual(near([6.75, 11, 9.25, 11]));
  });

  test("lose their confidence below the frame, and where the flow says otherwise; the better neighbour counts", async () => {
    const still = await makeEstimates(brightest(32).finder, brightStore(2, [0, 0]), context);
    const flow = Math.exp(-((Math.hypot(2, 1) / 32 / 0.03) ** 2));
    expect(still.terms[3]).toBeCloseTo(flow, 5);
    // The frame ends at row 29.25 of the crops (see brightStore), which end at 31.5: row 11 + 2 * 10 is beyond it.
    const { terms } = await makeEstimates(brightest(32).finder, brightStore(11, [0, 2], [0, 2]), context);
    const bounds = Array.from({ length: 11 }, (_, t) => terms[4 * (2 * t) + 1]);
    expect(bounds).toEqual([...new Array(10).fill(1), 0]);
    const flows = brightStore(3, [2, 1]);
    const one: ClipStore = { ...flows, readFlow: async (_clip, pair) => flowOf(pair === 0 ? [2, 1] : [9, 9]) };
    const found = await makeEstimates(brightest(32).finder, one, context);
    // Frame 1 agrees with frame 0, though not with frame 2.
    expect([0, 1, 2].map((t) => found.terms[8 * t + 3]! > 0.5)).toEqual([true, true, false]);
  });

  test("are made once and kept; another template or a broken file is made anew", async () => {
    const cache = temporaryFolder();
    const store = brightStore(3, [2, 1]);
    const { finder, asked } = brightest(32);
    const first = await estimateStore(finder, store, cache, context);
    // Three crops and their mirror images, each as it is and a pixel further each way.
    expect(asked()).toBe(30);
    const second = await estimateStore(finder, store, cache, context);
    expect(asked()).toBe(30);
    expect([...second.keypoints]).toEqual([...first.keypoints]);
    expect([...second.terms]).toEqual([...first.terms]);
    await estimateStore({ ...finder, digest: "other" }, store, cache, context);
    expect(asked()).toBe(60);
    expect(readdirSync(cache)).toHaveLength(2);
  });
});

function flowOf([x, y]: readonly [number, number]) {
  const forward = Float32Array.from({ length: 32 * 32 * 2 }, (_, i) => (i % 2 === 0 ? x : y));
  return { forward, backward: forward.map((v) => -v) };
}

describe("the file", () => {
  test("of parts gives the anchors of its joints; one whose points have no names is refused", async () => {
    const folder = temporaryFolder();
    const options = { size: 32, width: 2 };
    const save = async (system: string, more = {}) => {
      const estimator = createTemplateEstimator(system, "default", { ...options, ...more });
      const path = join(folder, `${system}.safetensors`);
      await saveTemplate(path, estimator, { system, options: { ...options, template: "arms-down", ...more } });
      estimator.dispose();
      return path;
    };
    const finder = await openFinder(await save("hpe"));
    expect(finder.joints.names).toHaveLength(15);
    expect(finder.parts!.joints[0]!.anchors).toHaveLength(3);
    finder.estimator.dispose();
    const ppl = await save("ppl", {
      ...{ banks: 2, codes: 2, dim: 4, channels: 4 },
      ...{ keypointPrior: "memory", linkPrior: "random" },
    });
    expect(await failure(openFinder(ppl))).toMatch(/^FormatError: .*joints have names/);
  });
});

test("the body's joints are those that the template's names mean", () => {
  const map = templateJointMap(["right-ankle", "neck"]);
  const sampler = templateSampler(map);
  const joints = tf.tensor3d([JOINT_NAMES.map((_, j) => [j, 2 * j, 0]), JOINT_NAMES.map((_, j) => [0, 0, j])]);
  const found = sampler.joints({ joints, vertices: tf.zeros([2, 1, 3]) } as never);
  const [ankle, neck] = [JOINT_NAMES.indexOf("leftAnkle"), (JOINT_NAMES.indexOf("neck") + JOINT_NAMES.indexOf("head")) / 2] as const; // biome-ignore format: two
  expect([...found.dataSync()]).toEqual([ankle, 2 * ankle, 0, neck, 2 * neck, 0, 0, 0, ankle, 0, 0, neck]);
  sampler.dispose();
});
