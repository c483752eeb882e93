/** @file PyTorch files written: read back here, and by Python's torch where it is installed. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { floatsToBfloat16, floatsToHalf } from "../../../src/io/half.ts";
import { type HostTensor, toFloat64 } from "../../../src/io/host-tensor.ts";
import { readPyTorch, summarizePyTorch } from "../../../src/io/pytorch.ts";
import { formatPyTorch, writePyTorch } from "../../../src/io/pytorch-write.ts";
import { temporaryFolder } from "../../support/files.ts";
import { runTorchPython, torchPython } from "../../support/torch-python.ts";

const floats = Float32Array.of(0.5, -1.25, 3, 1e-3, -0, 65504);
const shared: HostTensor = { dtype: "float32", shape: [2, 3], data: floats };
const TENSORS: ReadonlyMap<string, HostTensor> = new Map<string, HostTensor>([
  ["layer.weight", shared],
  ["layer.tied", { ...shared, shape: [6] }],
  ["half", { dtype: "float16", shape: [3, 2], data: floatsToHalf(floats) }],
  ["brain", { dtype: "bfloat16", shape: [6], data: floatsToBfloat16(floats) }],
  ["double", { dtype: "float64", shape: [1, 2], data: Float64Array.of(0.1, -1e300) }],
  ["long", { dtype: "int64", shape: [2], data: BigInt64Array.of(2n ** 60n, -3n) }],
  ["int", { dtype: "int32", shape: [2], data: Int32Array.of(-7, 2 ** 30) }],
  ["short", { dtype: "int16", shape: [1], data: Int16Array.of(-300) }],
  ["char", { dtype: "int8", shape: [2], data: Int8Array.of(-128, 5) }],
  ["byte", { dtype: "uint8", shape: [2], data: Uint8Array.of(255, 1) }],
  ["flag", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ["scalar", { dtype: "int64", shape: [], data: BigInt64Array.of(12n) }],
  ["empty", { dtype: "float32", shape: [0, 4], data: new Float32Array(0) }],
]);
const bytesOfFile = (pieces: Uint8Array[]) => new Uint8Array(Buffer.concat(pieces));

test("what was written is read back, bit by bit", async () => {
  expect((await readPyTorch(bytesOfFile(formatPyTorch(TENSORS)))).tensors).toEqual(TENSORS);
});

test("tensors of one array share one storage", () => {
  const size = (tied: HostTensor) =>
    bytesOfFile(
      formatPyTorch(
        new Map([
          ["a", shared],
          ["b", tied],
        ]),
      ),
    ).length;
  expect(size({ ...shared, data: Float32Array.from(floats) }) - size(shared)).toBeGreaterThan(24);
});

test("a state dict under keys, with values beside it", async () => {
  const beside = { epoch: 7, loss: "0.25", big: 2 ** 40, text: "é", flag: true, none: null };
  const file = bytesOfFile(formatPyTorch(TENSORS, { under: ["model", "state_dict"], beside, dtype: "float32" }));
  const { tensors, extra } = await readPyTorch(file);
  expect(extra).toEqual(beside);
  expect((await summarizePyTorch(file)).path).toEqual(["model", "state_dict"]);
  expect(tensors.get("half")).toEqual({
    dtype: "float32",
    shape: [3, 2],
    data: Float32Array.of(0.5, -1.25, 3, 0.0010004043579101562, -0, 65504),
  });
  expect(tensors.get("long")).toEqual(TENSORS.get("long"));
});

test("storages begin at multiples of 64 bytes", () => {
  const file = Buffer.from(bytesOfFile(formatPyTorch(TENSORS)));
  const values = Buffer.from(floats.buffer);
  expect(file.indexOf(values)).toBeGreaterThan(0);
  expect(file.indexOf(values) % 64).toBe(0);
});

test.each<[string, () => unknown, RegExp]>([
  [
    "a dtype that older versions lack",
    () => formatPyTorch(new Map([["a", { dtype: "uint32", shape: [1], data: Uint32Array.of(1) }]]), {}, "x.pth"),
    /^x\.pth: a: PyTorch has no uint32 tensors before 2\.3/,
  ],
  [
    "a wrong shape",
    () => formatPyTorch(new Map([["a", { ...shared, shape: [7] }]]), {}, "x.pth"),
    /^x\.pth: a has 6 elements for float32\[7\]/,
  ],
  [
    "a fraction beside",
    () => formatPyTorch(TENSORS, { under: ["a"], beside: { lr: 0.5 } }),
    /lr must be a whole number/,
  ],
  ["values without a place", () => formatPyTorch(TENSORS, { beside: { epoch: 1 } }, "x.pth"), /under/],
])("%s is refused", (_, write, message) => {
  expect(write).toThrow(message);
});

/** Prints every tensor of a state dict as JSON: dtype, shape, values (64-bit integers as text). */
const DUMP = `
import json, sys, torch
loaded = torch.load(sys.argv[1], weights_only=True)
beside = {k: v for k, v in loaded.items() if not isinstance(v, dict)} if "model" in loaded else {}
def values(t):
    flat = t.contiguous().reshape(-1)
    return [str(v) for v in flat.tolist()] if t.dtype == torch.int64 else [float(v) for v in flat.to(torch.float64).tolist()]
state = loaded.get("model", loaded)
print(json.dumps({"beside": beside, "tied": state["layer.weight"].data_ptr() == state["layer.tied"].data_ptr(),
  "tensors": {k: [str(t.dtype), list(t.shape), values(t)] for k, t in state.items()}}))
`;

describe.skipIf(!torchPython())("Python's torch.load(weights_only=True)", () => {
  test.each([[[]], [["model"]]])("gets our numbers, state dict under %j", async (under) => {
    const path = join(temporaryFolder(), "ours.pth");
    const beside = under.length > 0 ? { epoch: 7, loss: "0.25", big: 2 ** 40, text: "é", flag: true } : {};
    await writePyTorch(path, TENSORS, { under, beside });
    const loaded = JSON.parse(await runTorchPython(["-c", DUMP, path]));
    const expected = [...TENSORS].map(([key, tensor]) => {
      const values = tensor.data instanceof BigInt64Array ? [...tensor.data].map(String) : [...toFloat64(tensor)];
      return [key, [`torch.${tensor.dtype}`, tensor.shape, values]];
    });
    expect(Object.entries(loaded.tensors)).toEqual(expected);
    expect(loaded.tied).toBe(true);
    expect(loaded.beside).toEqual(beside);
  });

  const MAKE = `
import json, sys, torch
g = torch.Generator().manual_seed(5)
base = torch.randn(6, 5, 4, generator=g)
state = {"a": base, "module.t": base.transpose(0, 2), "s": base[1:5:2, :, ::3], "e": base[:, :1, :].expand(6, 3, 4),
  "channels_last": torch.randn(2, 3, 4, 5, generator=g).contiguous(memory_format=torch.channels_last),
  "p": torch.nn.Parameter(torch.randn(3, generator=g))}
for d in [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]:
    state[str(d)] = (base * 50).abs().to(torch.int32).to(d)[::2].permute(1, 2, 0)
torch.save({sys.argv[3]: state, "epoch": 3}, sys.argv[1], _use_new_zipfile_serialization=sys.argv[2] == "zip")
print(json.dumps({k: [str(t.dtype).replace("torch.", ""), list(t.shape), t.detach().to(torch.float64).contiguous().reshape(-1).tolist()] for k, t in state.items()}))
`;
  test.each([
    ["zip", "gen_state_dict"],
    ["legacy", "hmrnet_state_dict"],
  ])("and we read what torch.save writes, %s container", async (container, key) => {
    const path = join(temporaryFolder(), "theirs.pth.tar");
    const expected: Record<string, [string, number[], number[]]> = JSON.parse(
      await runTorchPython(["-c", MAKE, path, container, key]),
    );
    const { tensors, extra } = await readPyTorch(path);
    expect(extra).toEqual({ epoch: 3 });
    expect((await summarizePyTorch(path)).container).toBe(container);
    const got = [...tensors].map(([name, tensor]) => [name, [tensor.dtype, tensor.shape, [...toFloat64(tensor)]]]);
    expect(got).toEqual(Object.entries(expected).map(([name, value]) => [name.replace("module.", ""), value]));
    expect(statSync(path).size).toBeGreaterThan(1000);
  });
});
