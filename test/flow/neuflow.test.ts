import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { loadFlowEstimator } from "../../flow/estimators.ts";
import { createNeuflow } from "../../flow/neuflow.ts";
import { neuflowShapes } from "../../flow/neuflow-config.ts";
import { neuflowParameters } from "../../flow/neuflow-weights.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { FormatError, ShapeError } from "../../src/errors.ts";
import { type HostTensor, toFloat32 } from "../../src/io/host-tensor.ts";
import { formatNpy } from "../../src/io/npy.ts";
import { readNpz } from "../../src/io/npz.ts";
import { readPyTorch } from "../../src/io/pytorch.ts";
import { countScalars } from "../../src/nn/parameters.ts";
import { temporaryFolder } from "../support/files.ts";
import { formulaTensors, picture, uniform } from "../support/formula.ts";
import { runTorchPython, torchPython } from "../support/torch-python.ts";

beforeAll(async () => {
  await startEngine();
});

const weights = formulaTensors(Object.fromEntries(neuflowShapes()), { conv3: 0.1 });
const frames = (count: number, h: number, w: number) =>
  tf.tensor4d(Float32Array.from(uniform("frames", [count, h, w, 3], 0, 1)), [count, h, w, 3]);
const difference = (a: Tensor4D, b: Tensor4D) => tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);

describe("weights", () => {
  test("have the published number: 9.03 million", () => {
    const trained = new Map([...neuflowShapes()].filter(([key]) => !key.includes("running_")));
    expect(countScalars(trained)).toBe(9_029_536);
  });

  test("every norm is folded, nothing is left behind, and strangers are refused", () => {
    const before = tf.memory().numTensors;
    const parameters = neuflowParameters("formula", weights);
    expect(
      [...parameters.keys()].filter((key) => /running|norm[12]\.|_s8\.3/.test(key) && !key.includes("layers")),
    ).toEqual([]);
    expect(tf.memory().numTensors).toBe(before + parameters.size);
    createNeuflow(parameters).dispose();
    expect(tf.memory().numTensors).toBe(before);

    const other = new Map(weights);
    other.delete("merge_s8.3.running_var");
    other.set("flow_attn_s16.q_proj.weight", other.get("upsample_s8.conv1.bias")!);
    expect(() => neuflowParameters("x.pth", other)).toThrow(FormatError);
    expect(() => neuflowParameters("x.pth", other)).toThrow(
      /x.pth: .*missing: merge_s8.3.running_var; unused: flow_attn_s16.q_proj.weight/,
    );
  });
});

describe("behaviour", () => {
  test("both ways at once are what each way is alone, and no tensors stay", () => {
    const network = createNeuflow(neuflowParameters("formula", weights));
    const images = frames(3, 48, 64);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const encoded = network.encode(images);
      const { items, directions } = network.relate(encoded, [[0, 2], [1, 0]]); // biome-ignore format: pairs
      expect(directions).toEqual([[0, 2], [1, 3], [2, 0], [3, 1]]); // biome-ignore format: pairs
      const flows = network.flowAlong(items, directions, 3);
      expect(flows.shape).toEqual([4, 48, 64, 2]);
      const other = network.relate(network.encode(tf.gather(images, [0, 1])), [[0, 1]]);
      const alone = network.flowAlong(other.items, [other.directions[0]!], 3);
      const scale = tf.max(tf.abs(alone)).dataSync()[0]!;
      // Pair (1, 0) reversed is (0, 1).
      expect(difference(tf.slice(flows, [3, 0, 0, 0], [1, 48, 64, 2]), alone)).toBeLessThan(1e-4 * scale);
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(() => network.encode(frames(1, 40, 64))).toThrow(ShapeError);
    network.dispose();
  });
});

/** Largest difference from an array [C,H,W] of reference data. */
function differenceFrom(actual: Tensor4D, expected: HostTensor): number {
  return tf.tidy(() => {
    const wanted = tf.transpose(tf.tensor(toFloat32(expected), [1, ...expected.shape]), [0, 2, 3, 1]);
    expect(actual.shape).toEqual(wanted.shape);
    return difference(actual, wanted as Tensor4D);
  });
}

describe("beside an implementation in PyTorch, random weights saved with torch.save", () => {
  test("every stage and the flow agree, both ways", async () => {
    if (!torchPython()) return;
    const folder = temporaryFolder();
    const [h, w] = [96, 144];
    const pair = [picture("neuflow", h, w), picture("neuflow", h, w, { dx8: 37, dy8: -21, zx: 3 })];
    const data = new Uint8Array(2 * h * w * 3);
    pair.forEach((pixels, i) => data.set(pixels, i * h * w * 3));
    const imagesPath = join(folder, "images.npy");
    writeFileSync(imagesPath, formatNpy({ dtype: "uint8", shape: [2, h, w, 3], data }));
    const program = fileURLToPath(new URL("neuflow-reference.py", import.meta.url));
    expect((await runTorchPython([program, imagesPath, "8", folder])).trim()).toBe("9029536");

    const golden = await readNpz(join(folder, "golden.npz"));
    const expected = (name: string) => golden.get(name) as HostTensor;
    const path = join(folder, "weights.pth");
    const network = createNeuflow(neuflowParameters(path, (await readPyTorch(path)).tensors));
    const images = tf.div(tf.tensor4d(data, [2, h, w, 3], "float32"), 255) as Tensor4D;
    const one = (x: Tensor4D) => tf.slice(x, [0, 0, 0, 0], [1, x.shape[1], x.shape[2], x.shape[3]]);
    const { items } = network.relate(network.encode(images), [[0, 1]]);
    expect(differenceFrom(one(items.features16), expected("forward_features16"))).toBeLessThan(2e-5);
    expect(differenceFrom(one(items.features8), expected("forward_features8"))).toBeLessThan(2e-5);
    expect(differenceFrom(one(items.context8), expected("forward_context8"))).toBeLessThan(2e-5);

    const estimator = await loadFlowEstimator("neuflow-v2", path);
    const flows = estimator.clipFlows(images, [[0, 1]], 8);
    const reached = tf.max(tf.abs(flows.forward)).dataSync()[0]!;
    const errors = [
      differenceFrom(flows.forward, expected("forward_flow")),
      differenceFrom(flows.forward, expected("forward_flow64")),
      differenceFrom(flows.backward, expected("backward_flow")),
    ];
    console.log(`NeuFlow v2: largest differences ${errors.map((e) => e.toExponential(1))} px of up to ${reached} px`);
    expect(reached).toBeGreaterThan(2);
    expect(Math.max(...errors)).toBeLessThan(1e-3);
    // What is compared must depend on what it is made of: fewer updates or a swapped pair are far away.
    expect(differenceFrom(estimator.clipFlows(images, [[0, 1]], 7).forward, expected("forward_flow"))).toBeGreaterThan(
      0.05,
    );
    expect(differenceFrom(flows.backward, expected("forward_flow"))).toBeGreaterThan(0.5);
    estimator.dispose();
    network.dispose();
  });
});
