import { beforeAll, describe, expect, test } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { FormatError, MotionCueError } from "../../../src/errors.ts";
import { floatTensor, type HostTensor } from "../../../src/io/host-tensor.ts";
import { initialValues } from "../../../src/nn/init.ts";
import {
  assignFromHost,
  copyParameters,
  countScalars,
  disposeParameters,
  matchParameters,
  parameter,
  parametersFromHost,
  parametersToHost,
  trainable,
} from "../../../src/nn/parameters.ts";

beforeAll(() => startEngine());

const counting = (shape: number[]) =>
  floatTensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
    shape,
  );
const network = (): Map<string, HostTensor> =>
  new Map([
    ["conv.weight", counting([2, 3, 4, 5])],
    ["fc.weight", counting([3, 2])],
    ["bn.weight", counting([3])],
    ["bn.running_mean", counting([3])],
    ["init_pose", counting([1, 6])],
  ]);

describe("parameters", () => {
  test("convolutions become HWIO, linear weights [in,out], and come back as they were", async () => {
    const parameters = parametersFromHost(network());
    const conv = parameter(parameters, "conv.weight");
    expect(conv.shape).toEqual([4, 5, 3, 2]);
    // Output 1, input 2, row 3, column 4 is the last element of the original.
    expect(conv.arraySync()).toHaveProperty("[3][4][2][1]", 119);
    expect(conv.arraySync()).toHaveProperty("[0][1][0][1]", 61);
    const fc = parameter(parameters, "fc.weight").arraySync() as number[][];
    expect(fc.map((row) => [...row])).toEqual([
      [0, 2, 4],
      [1, 3, 5],
    ]);
    expect(parameter(parameters, "init_pose").shape).toEqual([1, 6]);
    const back = await parametersToHost(parameters);
    for (const [key, host] of network()) expect(back.get(key)).toEqual(host);
    disposeParameters(parameters);
  });

  test("buffers are not trainable", () => {
    const parameters = parametersFromHost(network());
    expect([...trainable(parameters).keys()]).toEqual(["conv.weight", "fc.weight", "bn.weight"]);
    expect(() => parameter(parameters, "absent")).toThrow(MotionCueError);
  });

  test("nothing is left behind", () => {
    const before = tf.memory().numTensors;
    const parameters = parametersFromHost(network());
    const copy = copyParameters(parameters);
    assignFromHost(copy, network(), "here");
    disposeParameters(parameters);
    expect(parameter(copy, "bn.weight").arraySync()).toEqual([0, 1, 2]);
    disposeParameters(copy);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("names every missing, unused and misshapen tensor", () => {
    const shapes = new Map([
      ["a.weight", [2, 2]],
      ["b.weight", [3]],
    ]);
    const given = new Map([
      ["b.weight", counting([4])],
      ["c.weight", counting([1])],
      ["b.num_batches_tracked", counting([1])],
    ]);
    expect(() => matchParameters("x.safetensors", shapes, given)).toThrow(FormatError);
    expect(() => matchParameters("x.safetensors", shapes, given)).toThrow(
      /missing: a.weight; unused: c.weight; of another shape: b.weight \[4\], not \[3\]/,
    );
    expect(countScalars(shapes)).toBe(7);
  });

  test("first values depend on seed and key, with He's deviation", () => {
    const shapes = new Map([
      ["a.weight", [64, 32, 3, 3]],
      ["n.weight", [4]],
      ["n.bias", [4]],
    ]);
    const values = initialValues(shapes, 1);
    const w = values.get("a.weight")!.data as Float32Array;
    const deviation = Math.sqrt(w.reduce((s, x) => s + x * x, 0) / w.length);
    expect(deviation / Math.sqrt(2 / 288)).toBeCloseTo(1, 1);
    expect(values.get("n.weight")!.data).toEqual(new Float32Array([1, 1, 1, 1]));
    expect(values.get("n.bias")!.data).toEqual(new Float32Array(4));
    const alone = initialValues(new Map([["a.weight", [64, 32, 3, 3]]]), 1);
    expect(alone.get("a.weight")!.data).toEqual(w);
    expect(initialValues(shapes, 2).get("a.weight")!.data).not.toEqual(w);
  });
});
