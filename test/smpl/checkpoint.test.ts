/** @file Checkpoints of every known format: recognised, read, written back under their own names, or refused with a reason. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { identifyRegressor, pyTorchKeys } from "../../smpl/checkpoint.ts";
import { type CheckpointFormat, type CheckpointFormatName, checkpointFormats, keyFrom, keyTo } from "../../smpl/checkpoint-formats.ts"; // biome-ignore format: one line
import {
  createRegressor,
  loadRegressor,
  type Regressor,
  type RegressorSpec,
  saveRegressor,
} from "../../smpl/regressor.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { OptionError } from "../../src/errors.ts";
import { bytesOf, type HostTensor } from "../../src/io/host-tensor.ts";
import { writeNpz } from "../../src/io/npz.ts";
import { readPyTorch, summarizePyTorch } from "../../src/io/pytorch.ts";
import { writePyTorch } from "../../src/io/pytorch-write.ts";
import { readSafetensors } from "../../src/io/safetensors.ts";
import { parametersToHost } from "../../src/nn/parameters.ts";

const folder = mkdtempSync(join(tmpdir(), "formats-"));
const at = (name: string) => join(folder, name);
beforeAll(async () => {
  await startEngine();
});
afterAll(() => rmSync(folder, { recursive: true }));

const RESNET: Partial<RegressorSpec> = { backbone: "resnet18", width: 2, hidden: 6 };
const VIT: Partial<RegressorSpec> = {
  ...{ backbone: "vit", head: "decoder", width: 12, cropSize: 64, hidden: 8, camera: "perspective-5000" },
  ...{ vit: { depth: 1, heads: 2 }, decoder: { depth: 1, heads: 2, headWidth: 3, inner: 5 } },
};
const TRAINING: HostTensor = { dtype: "int64", shape: [], data: BigInt64Array.of(5n) };

/** A checkpoint as others write it: their way to the state dict, their names, things beside. */
async function theirs(
  name: CheckpointFormatName,
  spec: Partial<RegressorSpec>,
  change = (t: Map<string, HostTensor>) => t,
) {
  const format: CheckpointFormat = checkpointFormats[name];
  const regressor = createRegressor({ ...spec, ...format.facts, origin: name }, 5);
  const tensors = await parametersToHost(regressor.parameters);
  const inHead = (key: string) => /^(fc\d|dec|init_|transformer\.)/.test(key);
  const renamed = new Map([...tensors].map(([key, tensor]) => [keyTo(format, key, inHead(key)), tensor]));
  for (const beginning of format.ignored) renamed.set(`${beginning}weight`, TRAINING);
  renamed.set([...renamed.keys()].find((key) => key.endsWith("bn1.running_mean"))?.replace("running_mean", "num_batches_tracked") ?? "x.num_batches_tracked", TRAINING); // biome-ignore format: one line
  await writePyTorch(at(`${name}.pth`), change(renamed), { under: format.under, beside: { epoch: 3 } });
  return { regressor, tensors, renamed };
}

/** Every key, shape and bit; toEqual is too slow for weights. */
async function expectTensors({ parameters }: Pick<Regressor, "parameters">, expected: Map<string, HostTensor>) {
  const actual = await parametersToHost(parameters);
  const shapes = (tensors: Map<string, HostTensor>) => [...tensors].map(([key, { shape }]) => [key, ...shape]).sort();
  expect(shapes(actual)).toEqual(shapes(expected));
  const wrong = [...expected].filter(
    ([key, { data }]) => Buffer.compare(bytesOf(actual.get(key)!.data), bytesOf(data)) !== 0,
  );
  expect(wrong.map(([key]) => key)).toEqual([]);
}

const CASES: readonly (readonly [CheckpointFormatName, Partial<RegressorSpec>])[] = [
  ["spin", RESNET],
  ["eft", RESNET],
  ["hmr", RESNET],
  ["videohmr-ssl", RESNET],
  ["mmhuman3d", { ...RESNET, backbone: "resnet50" }],
  ["hmr2", VIT],
];

describe.each(CASES)("%s", (name, spec) => {
  test("is read with its camera and 6D layout, and goes back under its own names", async () => {
    const { facts, under }: CheckpointFormat = checkpointFormats[name];
    const { regressor, tensors, renamed } = await theirs(name, spec);
    const given = { ...(under[0] === "model" ? { camera: facts.camera! } : {}), ...sizes(spec) };
    const loaded = await loadRegressor(at(`${name}.pth`), given);
    expect(loaded.spec).toEqual({ ...regressor.spec, ...facts, origin: name });
    await expectTensors(loaded, tensors);

    const needed = [...renamed].filter(([, tensor]) => tensor !== TRAINING).map(([key]) => key);
    for (const file of [`${name}-again.pth`, `${name}-again.safetensors`]) {
      await saveRegressor(at(file), loaded, { note: "refined" });
      const again = await loadRegressor(at(file));
      expect(again.spec).toEqual(loaded.spec);
      await expectTensors(again, tensors);
    }
    const { path, tensors: written } = await summarizePyTorch(at(`${name}-again.pth`));
    expect(path).toEqual(under);
    expect([...written.keys()].sort()).toEqual([...needed].sort());
    expect([...(await readSafetensors(at(`${name}-again.safetensors`))).tensors.keys()].sort()).toEqual(needed.sort());
  });

  test("is inspected: what is dropped, missing and left over", async () => {
    const { facts, under, ignored }: CheckpointFormat = checkpointFormats[name];
    const given = { ...(under[0] === "model" ? { camera: facts.camera! } : {}), ...sizes(spec) };
    await theirs(name, spec, (tensors) => {
      const lost = [...tensors.keys()].find((key) => key.endsWith("deccam.weight"))!;
      return new Map([...tensors].filter(([key]) => key !== lost).concat([["neck.extra", TRAINING]]));
    });
    const found = identifyRegressor(name, pyTorchKeys(name, await summarizePyTorch(at(`${name}.pth`))), given);
    expect(found?.format).toBe(name);
    expect(found?.differences).toEqual({ missing: ["deccam.weight"], unused: ["neck.extra"], misshapen: [] });
    expect(found?.dropped.length).toBe(ignored.length + 1);
    await expect(loadRegressor(at(`${name}.pth`), given)).rejects.toThrow(/missing: deccam.weight; unused: neck.extra/);
  });
});

function sizes({ vit, decoder }: Partial<RegressorSpec>): Partial<RegressorSpec> {
  return { ...(vit ? { vit } : {}), ...(decoder ? { decoder } : {}) };
}

describe("formats that look alike", () => {
  test("SPIN, EFT and HMR need a camera; any other is refused; a bare state dict too", async () => {
    const { tensors } = await theirs("spin", RESNET);
    const path = at("spin.pth");
    await expect(loadRegressor(path)).rejects.toThrow(/"perspective-5000" for SPIN.*"sX\+t" for EFT.*"s\(X\+t\)" for/);
    await expect(loadRegressor(path)).rejects.toThrow(OptionError);
    expect((await loadRegressor(path, { camera: "sX+t" })).spec.origin).toBe("eft");
    expect((await loadRegressor(path, { origin: "hmr" })).spec.camera).toBe("s(X+t)");
    await writePyTorch(at("bare.pth"), tensors);
    await expect(loadRegressor(at("bare.pth"))).rejects.toThrow(/pass camera/);
    expect((await loadRegressor(at("bare.pth"), { camera: "s(X+t)" })).spec.origin).toBe("hmr");
  });

  test("what a format fixes cannot be asked for otherwise", async () => {
    await theirs("videohmr-ssl", RESNET);
    const path = at("videohmr-ssl.pth");
    await expect(loadRegressor(path, { camera: "s(X+t)" })).rejects.toThrow(/asked for camera s\(X\+t\).*"sX\+t"/);
    await expect(loadRegressor(path, { rotation6d: "columns-stacked" })).rejects.toThrow(/rotation6d columns-stacked/);
    await expect(loadRegressor(path, { width: 64 })).rejects.toThrow(/asked for width 64, but the file has 2/);
  });
});

test("TexturePose's mean body comes from another file, and stays", async () => {
  const { tensors } = await theirs("texturepose", RESNET, (all) => new Map([...all].filter(([key]) => !key.startsWith("init_")))); // biome-ignore format: one line
  await expect(loadRegressor(at("texturepose.pth"))).rejects.toThrow(/holds no mean body.*--mean-body/);
  const flat = (key: string): HostTensor => ({ ...tensors.get(key)!, shape: [tensors.get(key)!.data.length] });
  await writeNpz(at("mean.npz"), { pose: flat("init_pose"), shape: flat("init_shape"), cam: flat("init_cam") });
  const loaded = await loadRegressor(at("texturepose.pth"), {}, { meanBody: at("mean.npz") });
  expect(loaded.spec.camera).toBe("s(X+t)");
  await expectTensors(loaded, tensors);
  await saveRegressor(at("texturepose.safetensors"), loaded);
  expect((await loadRegressor(at("texturepose.safetensors"))).spec).toEqual(loaded.spec);
  await writeNpz(at("short.npz"), { pose: flat("init_cam"), shape: flat("init_shape"), cam: flat("init_cam") });
  await expect(loadRegressor(at("texturepose.pth"), {}, { meanBody: at("short.npz") })).rejects.toThrow(
    /short\.npz.*pose/,
  );
});

test("temporal networks are refused with the way out; files without a regressor are nobody's", async () => {
  const one: HostTensor = { dtype: "float32", shape: [1, 2157], data: new Float32Array(2157) };
  await writePyTorch(at("vibe.pth"), new Map([["regressor.fc1.weight", one]]), { under: ["gen_state_dict"] });
  await expect(loadRegressor(at("vibe.pth"))).rejects.toThrow(/VIBE.*spin_model_checkpoint/);
  await writePyTorch(at("flow.pth"), new Map([["fnet.conv1.weight", one]]));
  expect(identifyRegressor("flow", pyTorchKeys("flow", await summarizePyTorch(at("flow.pth"))))).toBeUndefined();
  await expect(loadRegressor(at("flow.pth"))).rejects.toThrow(/expected a body regressor, got .*fnet\.conv1\.weight/);
});

test("a header that was tampered with is refused by name", async () => {
  const regressor = createRegressor(VIT, 1);
  await saveRegressor(at("ours.pth"), regressor);
  const { tensors, extra } = await readPyTorch(at("ours.pth"));
  const header = JSON.parse(extra["motioncue"] as string) as Record<string, string>;
  const rewrite = (change: Record<string, string>) =>
    writePyTorch(at("bad.pth"), tensors, { under: ["model"], beside: { motioncue: JSON.stringify({ ...header, ...change }) } }); // biome-ignore format: one line
  await rewrite({ vit: '{"depth":1e9,"heads":2}' });
  await expect(loadRegressor(at("bad.pth"))).rejects.toThrow(/bad\.pth: vit\.depth must be an integer from 1 to 128/);
  await rewrite({ vit: "{" });
  await expect(loadRegressor(at("bad.pth"))).rejects.toThrow(/"vit" of its header is broken JSON/);
  await rewrite({ camera: "" });
  await expect(loadRegressor(at("bad.pth"))).rejects.toThrow(/camera must be one of/);
  await writePyTorch(at("bad.pth"), tensors, { under: ["model"], beside: { motioncue: "[" } });
  await expect(loadRegressor(at("bad.pth"))).rejects.toThrow(/broken JSON/);
});

test("keys go to a format and back unchanged", () => {
  for (const format of Object.values<CheckpointFormat>(checkpointFormats)) {
    for (const [key, inHead] of [
      ["init_pose", true],
      ["layer1.0.conv1.weight", false],
      ["init_shape", true],
    ] as const) {
      // biome-ignore format: one line
      if (!format.refusal) expect(keyFrom(format, keyTo(format, key, inHead))).toBe(key);
    }
  }
});
