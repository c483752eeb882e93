import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { flowEstimators, loadFlowEstimator } from "../../flow/estimators.ts";
import { neuflowShapes } from "../../flow/neuflow-config.ts";
import { RAFT_LARGE, RAFT_SMALL, raftShapes } from "../../flow/raft-config.ts";
import { raftLayouts } from "../../flow/raft-names.ts";
import { raftParameters } from "../../flow/raft-weights.ts";
import { identifyFlowWeights, namingsOf, renameFlowWeights } from "../../flow/weight-adapters.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { FormatError, OptionError } from "../../src/errors.ts";
import { elementCount, type HostTensor } from "../../src/io/host-tensor.ts";
import { readPyTorch } from "../../src/io/pytorch.ts";
import { writePyTorch } from "../../src/io/pytorch-write.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { disposeParameters } from "../../src/nn/parameters.ts";
import { temporaryFolder } from "../support/files.ts";
import { formulaTensors } from "../support/formula.ts";
import { shared } from "../support/shared.ts";
import { runTorchPython, torchPython } from "../support/torch-python.ts";

beforeAll(async () => {
  await startEngine();
});

/** Tensors of those shapes, each of its own; values do not matter here. */
const weightsOf = (shapes: ReadonlyMap<string, readonly number[]>) =>
  new Map(
    [...shapes].map(([key, shape]): [string, HostTensor] => [
      key,
      { dtype: "float32", shape, data: new Float32Array(elementCount(shape)) },
    ]),
  );
const CONFIGS = { "raft-small": RAFT_SMALL, "raft-large": RAFT_LARGE } as const;

describe("names of RAFT", () => {
  test("by hand, one of each kind", () => {
    const [official, torchvision] = raftLayouts(RAFT_LARGE);
    expect([official.prefix, torchvision.prefix]).toEqual(["module.", ""]);
    const other = new Map(torchvision.keys.map(({ name, key }) => [name, key]));
    for (const [name, key] of [
      ["fnet.conv1.weight", "feature_encoder.convnormrelu.0.weight"],
      ["cnet.norm1.running_var", "context_encoder.convnormrelu.1.running_var"],
      ["cnet.layer2.0.conv2.bias", "context_encoder.layer2.0.convnormrelu2.0.bias"],
      ["cnet.layer3.1.norm1.weight", "context_encoder.layer3.1.convnormrelu1.1.weight"],
      ["cnet.layer3.0.downsample.1.bias", "context_encoder.layer3.0.downsample.1.bias"],
      ["fnet.conv2.weight", "feature_encoder.conv.weight"],
      ["update_block.encoder.convc2.weight", "update_block.motion_encoder.convcorr2.0.weight"],
      ["update_block.encoder.conv.bias", "update_block.motion_encoder.conv.0.bias"],
      ["update_block.gru.convq2.weight", "update_block.recurrent_block.convgru2.convq.weight"],
      ["update_block.flow_head.conv1.weight", "update_block.flow_head.conv1.weight"],
      ["update_block.mask.2.weight", "mask_predictor.conv.weight"],
    ] as const) {
      expect(other.get(name)).toBe(key);
    }
    const small = new Map(raftLayouts(RAFT_SMALL)[1].keys.map(({ name, key }) => [name, key]));
    expect(small.get("update_block.gru.convz.bias")).toBe("update_block.recurrent_block.convgru1.convz.bias");
  });

  const path = (size: string) => shared(`golden/raft/keys_${size}.json`);
  test.runIf(path("small") && path("large")).each(["small", "large"] as const)(
    "%s: every key of both published files, no other",
    (size) => {
      const golden = JSON.parse(readFileSync(path(size)!, "utf8")) as {
        torchvision: Record<string, number[]>;
        official_to_torchvision: Record<string, string>;
      };
      const [official, torchvision] = raftLayouts(CONFIGS[`raft-${size}`]);
      expect(Object.fromEntries(torchvision.keys.map(({ key, shape }) => [key, shape]))).toEqual(golden.torchvision);
      const there = new Map(torchvision.keys.map(({ name, key }) => [name, key]));
      const map = official.keys.map(({ key, name }) => [official.prefix + key, there.get(name)]);
      expect(Object.fromEntries(map)).toEqual(golden.official_to_torchvision);
    },
  );
});

describe("which network", () => {
  test.each(["raft-small", "raft-large", "neuflow-v2"])(
    "%s is known under all its names, and loads under them",
    (network) => {
      const shapes = network === "neuflow-v2" ? neuflowShapes() : raftShapes(CONFIGS[network as "raft-small"]);
      const weights = weightsOf(shapes);
      for (const naming of namingsOf(network)) {
        const file = renameFlowWeights("file", weights, naming);
        expect(identifyFlowWeights(file)).toEqual({ network, naming, missing: [], unused: [], misshapen: [] });
        // There and back: the same tensors.
        const back = renameFlowWeights("file", file, namingsOf(network)[0]!);
        for (const [key, tensor] of weights) expect(back.get(key) ?? back.get(`module.${key}`)).toBe(tensor);
        if (network === "neuflow-v2") continue;
        disposeParameters(raftParameters("file", CONFIGS[network as "raft-small"], file));
      }
    },
  );

  test("what is missing, left over or of another shape is said in the file's own names", () => {
    const file = renameFlowWeights("file", weightsOf(raftShapes(RAFT_SMALL)), "torchvision");
    file.delete("feature_encoder.conv.bias");
    file.set("extra.weight", file.get("feature_encoder.conv.weight")!);
    file.set("context_encoder.conv.bias", { dtype: "float32", shape: [3], data: new Float32Array(3) });
    expect(identifyFlowWeights(file)).toEqual({
      network: "raft-small",
      naming: "torchvision",
      missing: ["feature_encoder.conv.bias"],
      unused: ["extra.weight"],
      misshapen: ["context_encoder.conv.bias"],
    });
    expect(() => renameFlowWeights("a.pth", file, "official")).toThrow(
      "a.pth: expected weights of raft-small, got others: feature_encoder.conv.bias is missing, extra.weight is not its, context_encoder.conv.bias has another shape",
    );
  });

  test("others are not taken for flow networks, and namings have to exist", () => {
    const other = formulaTensors({
      "conv1.weight": [64, 3, 7, 7],
      "fc1.weight": [8, 8],
      "fnet.conv1.weight": [32, 3, 7, 7],
    });
    expect(identifyFlowWeights(other)).toBeUndefined();
    expect(() => renameFlowWeights("a.pth", other, "official")).toThrow(FormatError);
    const neuflow = weightsOf(neuflowShapes());
    expect(() => renameFlowWeights("a.pth", neuflow, "torchvision")).toThrow(OptionError);
    expect(() => renameFlowWeights("a.pth", neuflow, "oficial")).toThrow(/did you mean "official"/);
  });

  test("counters are kept where they are known, and are one-element lists in old files", () => {
    const weights = weightsOf(raftShapes(RAFT_LARGE));
    const file = renameFlowWeights("file", weights, "official");
    expect(file.get("module.cnet.norm1.num_batches_tracked")).toEqual({
      dtype: "int64",
      shape: [],
      data: BigInt64Array.of(0n),
    });
    expect(file.get("module.cnet.layer2.0.norm3.weight")).toBe(file.get("module.cnet.layer2.0.downsample.1.weight"));
    const counter: HostTensor = { dtype: "int64", shape: [1], data: BigInt64Array.of(100_000n) };
    file.set("module.cnet.norm1.num_batches_tracked", counter);
    const other = renameFlowWeights("file", file, "torchvision");
    expect(other.get("context_encoder.convnormrelu.1.num_batches_tracked")?.data).toEqual(BigInt64Array.of(100_000n));
  });

  const published = shared("data/weights/raft-small.pth");
  test.runIf(published)("the released RAFT-small: known, converted, and what torchvision would save", async () => {
    const { tensors } = await readPyTorch(published!);
    expect(identifyFlowWeights(tensors)).toEqual({
      network: "raft-small",
      naming: "official",
      missing: [],
      unused: [],
      misshapen: [],
    });
    const path = join(temporaryFolder(), "raft_small.pth");
    await writePyTorch(path, renameFlowWeights(published!, tensors, "torchvision"));
    const converted = (await readPyTorch(path)).tensors;
    expect(identifyFlowWeights(converted)).toMatchObject({ network: "raft-small", naming: "torchvision", missing: [] });
    const estimator = await loadFlowEstimator("raft-small", path);
    estimator.dispose();
    if (!torchPython()) return;
    const program = `
import sys, torch
from torchvision.models.optical_flow import raft_small
model = raft_small()
print(model.load_state_dict(torch.load(sys.argv[1]), strict=True))
print(float(model.state_dict()["update_block.recurrent_block.convgru1.convq.weight"].double().sum()))
`;
    const printed = (await runTorchPython(["-c", program, path])).trim().split("\n");
    expect(printed[0]).toBe("<All keys matched successfully>");
    const sum = (tensors.get("update_block.gru.convq.weight")!.data as Float32Array).reduce((a, b) => a + b, 0);
    expect(Number(printed[1])).toBeCloseTo(sum, 3);
  });
});

test("the shipped network's file is known by its header", async () => {
  const { tensors, metadata } = await readSafetensors(flowEstimators["motioncue"]!.weights!);
  expect(identifyFlowWeights(tensors)).toBeUndefined();
  expect(identifyFlowWeights(tensors, { ...metadata, config: "{}" })).toBeUndefined();
  const whole = { network: "motioncue", naming: "motioncue", missing: [], unused: [], misshapen: [] };
  expect(identifyFlowWeights(tensors, metadata)).toEqual(whole);
  const less = new Map(tensors);
  less.delete("fnet.conv2.bias");
  expect(identifyFlowWeights(less, metadata)).toEqual({ ...whole, missing: ["fnet.conv2.bias"] });
});
