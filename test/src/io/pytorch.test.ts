import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bytesOf, type TypedArray } from "../../../src/io/host-tensor.ts";
import { readPyTorch, summarizePyTorch } from "../../../src/io/pytorch.ts";
import { formatZip } from "../../../src/io/zip-write.ts";
import { failure } from "../../support/files.ts";
import { weight } from "../../support/formula.ts";
import { expectLoaderGolden } from "../../support/loader-golden.ts";
import { shared } from "../../support/shared.ts";

/** Letters of a pickle that rebuilds a tensor: a view of storage `key` of `count` elements. */
function tensor(type: string, key: string, count: number, shape: number[], strides: number[], offset = 0): string {
  const tuple = (values: number[]) => `(${values.map((value) => `I${value}\n`).join("")}t`;
  const storage = `(S'storage'\nctorch\n${type}\nS'${key}'\nS'cuda:0'\nI${count}\ntQ`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${storage}I${offset}\n${tuple(shape)}${tuple(strides)}I00\nNtR`;
}
const dict = (entries: Record<string, string>) =>
  `(d${Object.entries(entries)
    .map(([key, value]) => `S'${key}'\n${value}s`)
    .join("")}`;

function torchZip(
  pickle: string,
  storages: Record<string, TypedArray> = {},
  extra: Record<string, string> = {},
): Uint8Array {
  const pieces = formatZip("x", [
    { name: "archive/data.pkl", data: Buffer.from(`${pickle}.`, "latin1") },
    ...Object.entries(extra).map(([name, text]) => ({ name: `archive/${name}`, data: Buffer.from(text) })),
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data: bytesOf(data), align: 64 })),
  ]);
  return new Uint8Array(Buffer.concat(pieces));
}

const six = Float32Array.of(1, 2, 3, 4, 5, 6);
const entryOf = (pickle: string, storage: TypedArray = six) => torchZip(dict({ a: pickle }), { 0: storage });

test("views of one storage: transposed, sliced, expanded, whole", async () => {
  const pickle = dict({
    "module.transposed": tensor("FloatStorage", "0", 6, [3, 2], [1, 3]),
    "module.slice": tensor("FloatStorage", "0", 6, [2, 2], [3, 1], 1),
    "module.expanded": tensor("FloatStorage", "0", 6, [2, 2], [0, 1], 4),
    "module.whole": tensor("FloatStorage", "0", 6, [6], [1]),
  });
  const { tensors } = await readPyTorch(torchZip(pickle, { 0: six }));
  expect([...tensors].map(([key, { data }]) => [key, [...data]])).toEqual([
    ["transposed", [1, 4, 2, 5, 3, 6]],
    ["slice", [2, 3, 5, 6]],
    ["expanded", [5, 6, 5, 6]],
    ["whole", [1, 2, 3, 4, 5, 6]],
  ]);
  const buffers = new Set([...tensors.values()].map(({ data }) => data.buffer));
  expect(buffers.size).toBe(4);
});

const a = tensor("FloatStorage", "0", 6, [2, 3], [3, 1]);
test.each<[string, string, string[]]>([
  ["nothing", dict({ a }), []],
  ["model", dict({ model: dict({ a }), epoch: "I3\n" }), ["model"]],
  ["state_dict", dict({ state_dict: dict({ a }), optimizer: dict({ state: dict({ a }) }) }), ["state_dict"]],
  ["model in state_dict", dict({ state_dict: dict({ model: dict({ a }) }) }), ["state_dict", "model"]],
  ["model_enc", dict({ model_enc: dict({ a }), model_dec: dict({ a }) }), ["model_enc"]],
  ["gen_state_dict", dict({ gen_state_dict: dict({ a }) }), ["gen_state_dict"]],
  ["an unusual name", dict({ net: dict({ a }), epoch: "I3\n" }), ["net"]],
])("a state dict inside %s", async (_, pickle, path) => {
  const file = torchZip(pickle, { 0: six });
  expect((await readPyTorch(file)).tensors).toEqual(new Map([["a", { dtype: "float32", shape: [2, 3], data: six }]]));
  expect((await summarizePyTorch(file)).path).toEqual(path);
});

test("what lies beside the state dict becomes plain values", async () => {
  const pickle = dict({
    model: dict({ a, ["_extra_state"]: "I1\n" }),
    epoch: "I3\n",
    loss: tensor("FloatStorage", "0", 6, [1], [1]),
    options: "cargparse\nNamespace\n(tR(dS'lr'\nF0.5\nsb",
    list: "(lI1\naS'x'\na",
  });
  const { extra } = await readPyTorch(torchZip(pickle, { 0: six }));
  expect(extra).toEqual({
    _extra_state: 1,
    epoch: 3,
    loss: { dtype: "float32", shape: [1] },
    options: { lr: 0.5 },
    list: [1, "x"],
  });
});

test("lists that hold each other do not unfold without end", async () => {
  const nested = `(lp0\n0${"(lp1\ng0\nag0\na0g1\np0\n0".repeat(60)}g0\n`;
  const { extra } = await readPyTorch(torchZip(dict({ model: dict({ a }), nested }), { 0: six }));
  expect(JSON.stringify(extra).length).toBeLessThan(2_000_000);
});

describe("broken and hostile files", () => {
  /** Lists that hold each other twice, 60 deep: writing one out as text would take for ever. */
  const doubled = `(lp0\n0${"(lp1\n0g1\ng0\nag0\na0g1\np0\n0".repeat(60)}`;

  test("a shape cannot be changed after it was checked", async () => {
    const before = tensor("FloatStorage", "0", 6, [6], [1])
      .replace("(I6\ntI1\n", "")
      .replace("(I6\nt(I1\nt", "(lp5\nI6\na(I1\nt");
    const pickle = dict({ a: `${before}g5\nI99999999\na0` });
    expect((await readPyTorch(torchZip(pickle, { 0: six }))).tensors.get("a")!.shape).toEqual([6]);
  });

  test.each<[string, string, RegExp]>([
    [
      "the name of a storage",
      `${doubled}${tensor("FloatStorage", "0", 6, [6], [1]).replace("S'0'\n", "g0\n")}`,
      /a storage has no name/,
    ],
    ["a device", `${doubled}ctorch\ndevice\n(g0\ntR`, /expected a state dict of tensors, got no dict/],
    ["a key", `${doubled}(dg0\nI1\ns`, /got a dict of \(2 items\)/],
  ])("%s may be lists that unfold without end", async (_, pickle, message) => {
    expect(await failure(readPyTorch(torchZip(pickle, { 0: six }), "x.pth"))).toMatch(message);
  });

  test("a size of 0 does not hide the size of the others", async () => {
    const huge = `(${"I9007199254740991\n".repeat(30)}I0\nt`;
    const empty = tensor("FloatStorage", "0", 6, [], []).replace(/\(t\(t/, `${huge}${huge}`);
    const { tensors } = await readPyTorch(torchZip(dict({ a, empty }), { 0: six }));
    expect(tensors.get("empty")!.data.length).toBe(0);
  });

  test("a tensor of too many axes is refused before its sizes are copied", async () => {
    const sizes = `(${"I1\n".repeat(100_000)}t`;
    const wide = tensor("FloatStorage", "0", 6, [], []).replace(/\(t\(t/, `${sizes}${sizes}`);
    expect(await failure(readPyTorch(torchZip(dict({ wide }), { 0: six })))).toMatch(/must be whole numbers/);
  });

  test.each<[string, Uint8Array, RegExp]>([
    [
      "past the storage",
      entryOf(tensor("FloatStorage", "0", 6, [2, 3], [4, 1])),
      /\[2, 3\] reaches past its storage of 6/,
    ],
    ["offset", entryOf(tensor("FloatStorage", "0", 6, [6], [1], 1)), /reaches past/],
    ["negative stride", entryOf(tensor("FloatStorage", "0", 6, [2], [-1], 3)), /strides of a tensor must be whole/],
    ["repeated into terabytes", entryOf(tensor("FloatStorage", "0", 6, [2 ** 40], [0])), /repeats 6 stored elements/],
    ["storage too short", entryOf(tensor("FloatStorage", "0", 7, [7], [1])), /holds 24 bytes, 28 needed/],
    ["storage missing", entryOf(tensor("FloatStorage", "9", 6, [6], [1])), /archive\/data\/9 is missing/],
    ["unknown storage", entryOf(tensor("EvilStorage", "0", 6, [6], [1])), /refused: it asks for torch.EvilStorage/],
    ["no storage", torchZip("ctorch._utils\n_rebuild_tensor_v2\n(I0\nI0\n(t(tI00\nNtR"), /no storage/],
    ["no tensors", torchZip("(dS'a'\nI1\ns"), /expected a state dict of tensors, got a dict of a/],
    ["a pickled module", torchZip("cmodels\nHMR\n(tR"), /refused: it asks for models.HMR/],
    ["one name twice", torchZip(dict({ a, "module.a": a }), { 0: six }), /both a and module\.a/],
    ["big-endian", torchZip(dict({ a }), { 0: six }, { byteorder: "big" }), /expected byte order "little", got "big"/],
    ["TorchScript", torchZip(dict({ a }), { 0: six }, { "constants.pkl": "" }), /TorchScript/],
    ["another pickle", Buffer.from("\x80\x02K\x01.", "latin1"), /a pickle of something else/],
    ["text", Buffer.from("hello"), /neither a zip archive nor a pickle/],
    ["nothing", new Uint8Array(0), /empty or cut short/],
  ])("%s", async (_, bytes, message) => {
    const text = await failure(readPyTorch(bytes, "x.pth"));
    expect(text).toMatch(/^FormatError: x\.pth: /);
    expect(text).toMatch(message);
  });

  test("many tensors of one storage may not take far more than the file", async () => {
    const big = new Float32Array(500_000);
    const whole = tensor("FloatStorage", "0", big.length, [big.length], [1]);
    const entries = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`t${i}`, whole]));
    expect(await failure(readPyTorch(torchZip(dict(entries), { 0: big })))).toMatch(
      /unpacks to tensors of 120000000 bytes/,
    );
  });
});

const loader = shared("golden/regressor/loader");
describe.skipIf(!loader)("reference checkpoints", () => {
  const files = ["legacy.pt", "zip.pth", "zip_newer_layout.pth", "zip_plain_state_dict.pth", "zip_protocol4.pth"];
  test.each(files)("%s holds the expected tensors", async (name) => {
    const { tensors, extra } = await readPyTorch(join(loader!, name));
    expectLoaderGolden(tensors, join(loader!, "expected.json"));
    if (!/plain|protocol4/.test(name)) {
      expect(extra).toMatchObject({
        epoch: 12,
        lr: 5e-5,
        flag: true,
        f32: Math.fround(0.1),
        text: "héllo",
        none: null,
      });
      expect(extra).toMatchObject({ big: 2n ** 70n, negative: -5, size: [1, 2], dtype: "torch.float16" });
      expect(extra["np_float32"]).toEqual({ dtype: "float32", shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
    }
  });

  const hostile = loader ? readdirSync(join(loader, "hostile")).filter((name) => /\.(pt|pth)$/.test(name)) : [];
  test.each(hostile)("hostile/%s is refused", async (name) => {
    expect(await failure(readPyTorch(join(loader!, "hostile", name)))).toMatch(/^FormatError: .*hostile/);
  });
});

const raft = shared("golden/raft/raft-small-official-formula.pth");
const keys = shared("golden/raft/keys_small.json");
test.skipIf(!raft || !keys)("RAFT-small in its released style holds the formula weights", async () => {
  const { tensors } = await readPyTorch(raft!);
  const names = JSON.parse(readFileSync(keys!, "utf8"));
  expect(tensors.size).toBe(106);
  for (const [key, { shape, data }] of tensors) {
    const torchvision: string = names.official_to_torchvision[`module.${key}`];
    expect(data).toEqual(weight(torchvision, shape, torchvision.includes("flow_head.conv2.weight") ? 0.3 : 1));
  }
});

const real = shared("data/weights/raft-small.pth");
test.skipIf(!real)("the released RAFT-small has 990162 parameters", async () => {
  const { tensors } = await readPyTorch(real!);
  expect(tensors.size).toBe(106);
  expect([...tensors.values()].reduce((sum, { data }) => sum + data.length, 0)).toBe(990162);
  expect(tensors.get("fnet.conv1.weight")!.shape).toEqual([32, 3, 7, 7]);
});
