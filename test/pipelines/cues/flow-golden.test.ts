/** @file The flow cue against golden pair losses and golden losses with flow maps, gradients included. */
import { beforeAll, describe, expect, it } from "vitest";
import { FLOW_CUE_OPTIONS, type FlowCueOptions, pairLoss } from "../../../pipelines/cues/flow.ts";
import { compareFlows, sampleFlow } from "../../../pipelines/cues/flow-agreement.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { samplesWithGradient } from "../../../src/geometry/sample.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { completeOptions } from "../../../src/options.ts";
import { expectClose, flat, readGolden } from "../../support/matchers.ts";
import { shared } from "../../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

const plain = { normalise: false, minFlow: 0, robust: "none", consistency: false } as const;
const options = (given: Partial<FlowCueOptions> = {}) => completeOptions("flow", FLOW_CUE_OPTIONS, given);

interface Direction {
  readonly kept: boolean[];
  readonly e: (number | null)[];
  readonly loss: number;
}
interface PairCase {
  readonly pairs_used: number[];
  readonly forward: Direction;
  readonly backward: Direction;
  readonly total: number;
  readonly grad_P1?: number[][][];
  readonly grad_P2?: number[][][];
}
type PairGolden = Record<"P1" | "P2" | "f12" | "f21", number[][][]> & {
  readonly vis: number[][];
  readonly cases: Record<string, PairCase>;
};

const pairPath = shared("golden/loss/pair_loss.json");
const samplingPath = shared("golden/loss/flow_sampling.json");
const samplingArrays = shared("golden/loss/flow_sampling.npz");

describe.skipIf(!pairPath)("golden pair losses", () => {
  const cases: [string, Partial<FlowCueOptions>][] = [
    ["paper: threshold, normalised, floor 0.5 px", { robust: "none" }],
    ["as released: normalised, floor 0 px (no static pair)", { robust: "none", minFlow: 0 }],
    ["no normalisation", plain],
    ["no threshold, no normalisation", { ...plain, rejectAbove: 0 }],
    ["charbonnier eps 1, not normalised", { ...plain, robust: "charbonnier" }],
  ];
  it.each(cases)("%s", (name, given) => {
    const g = readGolden<PairGolden>(pairPath!);
    const expected = g.cases[name]!;
    const pick = <T>(rows: T[]): T[] => expected.pairs_used.map((i) => rows[i]!);
    const [p1, p2] = [tf.tensor3d(pick(g.P1)), tf.tensor3d(pick(g.P2))];
    const [f12, f21] = [tf.tensor3d(pick(g.f12)), tf.tensor3d(pick(g.f21))];
    const weights = Uint8Array.from(flat(pick(g.vis)));
    const direction = (from: Tensor3D, to: Tensor3D, flow: Tensor3D) => {
      const mesh = tf.sub<Tensor3D>(to, from);
      const host = (x: Tensor) => x.dataSync() as Float32Array;
      return pairLoss(mesh, flow, compareFlows(host(mesh), host(flow), weights, p1.shape[0]), options(given));
    };
    const check = (found: ReturnType<typeof pairLoss>, wanted: Direction) => {
      expect(found.fates.map((fate) => fate === "kept")).toEqual(wanted.kept);
      expectClose(found.perPair, wanted.e, 1e-7, 1e-5);
      expectClose(found.value, [wanted.loss], 0, 1e-5);
    };
    check(direction(p1, p2, f12), expected.forward);
    check(direction(p2, p1, f21), expected.backward);
    const total = (a: Tensor, b: Tensor) => {
      const sum = tf.add(
        direction(a as Tensor3D, b as Tensor3D, f12).value,
        direction(b as Tensor3D, a as Tensor3D, f21).value,
      );
      return tf.mul<tf.Scalar>(sum, 0.5);
    };
    expectClose(total(p1, p2), [expected.total], 0, 1e-5);
    if (!expected.grad_P1) return;
    const [g1, g2] = tf.grads(total)([p1, p2]) as [Tensor, Tensor];
    const largest = Math.max(...flat(expected.grad_P1).map(Math.abs));
    expectClose(g1, expected.grad_P1, 2e-5 * largest, 1e-4);
    expectClose(g2, expected.grad_P2, 2e-5 * largest, 1e-4);
  });
});

describe.skipIf(!samplingPath || !samplingArrays)("golden losses with flow maps", () => {
  it.each([
    ["same", true, true],
    ["same", false, false],
    ["big", true, false],
    ["big", false, true],
  ] as const)("%s size, normalised %s, gradient through the position %s", async (size, normalise, through) => {
    const g = readGolden<{ results: Record<string, Record<string, unknown>> }>(samplingPath!).results[size]!;
    const arrays = await readNpz(samplingArrays!);
    const read = (name: string): Tensor => {
      const { data, shape } = arrays.get(name)!;
      return tf.tensor(Float32Array.from(data as ArrayLike<number>), [...shape]);
    };
    const host = (x: Tensor) => x.dataSync() as Float32Array;
    // Golden points are continuous pixels, golden maps have their channels first.
    const [p1, p2] = [tf.sub(read("Q1"), 0.5), tf.sub(read("Q2"), 0.5)] as [Tensor3D, Tensor3D];
    const side = size === "same" ? 28 : 80;
    const [m12, m21] = ["12", "21"].map((d) => host(tf.transpose(read(`flow_${size}_${d}`), [0, 2, 3, 1]))) as [
      Float32Array,
      Float32Array,
    ];
    const weights = Uint8Array.from(flat(Array.from(arrays.get("vis")!.data as ArrayLike<number>)));
    const given = options({ ...plain, normalise, minFlow: 0.5 });
    const direction = (from: Tensor3D, to: Tensor3D, map: Float32Array) => {
      const mesh = tf.sub<Tensor3D>(to, from);
      const samples = sampleFlow(map, side, host(from), 2, 28);
      const observed = through
        ? samplesWithGradient(samples, from, host(from))
        : tf.tensor3d(samples.values, from.shape);
      return pairLoss(mesh, observed, compareFlows(host(mesh), samples.values, weights, 2), given).value;
    };
    const total = (a: Tensor, b: Tensor) =>
      tf.mul<tf.Scalar>(
        tf.add(direction(a as Tensor3D, b as Tensor3D, m12), direction(b as Tensor3D, a as Tensor3D, m21)),
        0.5,
      );
    expectClose(sampleFlow(m12, side, host(p1), 2, 28).values, g["f12"], 1e-4);
    expectClose(sampleFlow(m21, side, host(p2), 2, 28).values, g["f21"], 1e-4);
    expectClose(total(p1, p2), [g[normalise ? "total_normalised" : "total_plain"]], 0, 1e-4);
    const key = `grad_${through ? "through_position" : "position_detached"}_${normalise ? "normalised" : "plain"}`;
    const expected = g[key] as Record<"Q1" | "Q2", unknown>;
    const gradients = tf.grads(total)([p1, p2]) as [Tensor, Tensor];
    const largest = Math.max(...flat(expected.Q1).map(Math.abs));
    expectClose(gradients[0], expected.Q1, 1e-4 * largest, 1e-3);
    expectClose(gradients[1], expected.Q2, 1e-4 * largest, 1e-3);
  });
});
