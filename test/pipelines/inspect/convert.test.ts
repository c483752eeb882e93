/** @file Inspecting and converting checkpoints and bodies, as the command line does. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { convertFile } from "../../../pipelines/inspect/convert.ts";
import { formatInspect, inspectFile } from "../../../pipelines/inspect/inspect.ts";
import { createRegressor, loadRegressor, saveRegressor } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { bytesOf, floatTensor, type HostTensor } from "../../../src/io/host-tensor.ts";
import { writeNpz } from "../../../src/io/npz.ts";
import { readPyTorch, summarizePyTorch } from "../../../src/io/pytorch.ts";
import { writePyTorch } from "../../../src/io/pytorch-write.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { parametersToHost } from "../../../src/nn/parameters.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { motioncue } from "../../support/motioncue.ts";
import { shared } from "../../support/shared.ts";

beforeAll(async () => {
  await startEngine();
});

const LIGHT = { backbone: "resnet18", width: 2, hidden: 6 } as const;
const tensorsOf = (seed: number) => parametersToHost(createRegressor(LIGHT, seed).parameters);

describe("inspect", () => {
  test("says which checkpoint fits, and every key that is missing or left over", async () => {
    const path = join(temporaryFolder(), "spin.pt");
    const tensors = await tensorsOf(1);
    tensors.set("extra.weight", floatTensor(new Float32Array(2), [2]));
    tensors.set("fc2.bias", floatTensor(new Float32Array(5), [5]));
    tensors.delete("deccam.bias");
    await writePyTorch(path, tensors, { under: ["model"], beside: { epoch: 3 } });
    const report = await inspectFile(path);
    expect(report.fit).toEqual({
      network: "regressor",
      formats: ["spin", "eft", "hmr"],
      facts: {
        network: "resnet18 (width 2) and iterative head",
        camera:
          'not in the file; pass --camera "perspective-5000" for spin, --camera "sX+t" for eft, --camera "s(X+t)" for hmr',
        "6D layout": "columns-interleaved",
        input: "224x224",
      },
      missing: ["deccam.bias"],
      unused: ["extra.weight"],
      misshapen: ["fc2.bias [5], not [6]"],
      dropped: 0,
    });
    const lines = formatInspect(report).split("\n");
    for (const line of [
      "  fits: regressor, as spin or eft or hmr has it",
      "  missing: deccam.bias",
      "  left over: extra.weight",
      "  of another shape: fc2.bias [5], not [6]",
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.at(-1)).toMatch(/^ {2}and \d+ more; --json has them all$/);
  });

  test("knows our own files, temporal networks, and weights of nothing known", async () => {
    const folder = temporaryFolder();
    const own = join(folder, "own.safetensors");
    await saveRegressor(own, createRegressor({ ...LIGHT, camera: "s(X+t)" }, 1));
    expect((await inspectFile(own)).fit).toMatchObject({ formats: ["motioncue"], facts: { camera: "s(X+t)" } });
    expect(formatInspect(await inspectFile(own))).toContain("fits: regressor, as motioncue has it, completely");
    const one = floatTensor(new Float32Array(3), [1, 3]);
    await writePyTorch(join(folder, "vibe.pth"), new Map([["regressor.fc1.weight", one]]), {
      under: ["gen_state_dict"],
    });
    expect((await inspectFile(join(folder, "vibe.pth"))).fit?.facts["cannot be used"]).toMatch(/over time/);
    await writePyTorch(join(folder, "other.pth"), new Map([["a.weight", one]]));
    expect((await inspectFile(join(folder, "other.pth"))).fit).toBeUndefined();
  });

  const golden = shared("golden/smpl");
  test.skipIf(!golden)("SMPL's pickles are bodies, not checkpoints", async () => {
    const report = await inspectFile(join(golden!, "smpl_v431_python2_chumpy.pkl"));
    expect(report).toMatchObject({ kind: "pickle (.pkl)", facts: { holds: "a body model (SMPL layout)" } });
    expect(report.arrays).toContainEqual({ key: "shapedirs", dtype: "float64", shape: [431, 3, 10] });
  });
});

describe("convert", () => {
  test("a regressor: to PyTorch in its own names and back, in another's of the same camera, in half precision", async () => {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    const regressor = createRegressor({ ...LIGHT, camera: "sX+t" }, 2);
    await saveRegressor(at("a.safetensors"), regressor, { trainedOn: "nothing" });
    const result = await convertFile(at("a.safetensors"), at("b.pth"), { as: "videohmr-ssl" });
    expect(result).toMatchObject({ output: at("b.pth"), tensors: regressor.parameters.size });
    expect((await summarizePyTorch(at("b.pth"))).path).toEqual(["hmrnet_state_dict"]);
    await convertFile(at("b.pth"), at("c.safetensors"));
    const { tensors, metadata } = await readSafetensors(at("c.safetensors"));
    expect(metadata).toMatchObject({ origin: "videohmr-ssl", camera: "sX+t", trainedOn: "nothing" });
    expect(tensors.get("fc1.weight")).toEqual((await parametersToHost(regressor.parameters)).get("fc1.weight"));
    await convertFile(at("b.pth"), at("d.pt"), { dtype: "float16" });
    expect((await readPyTorch(at("d.pt"))).tensors.get("conv1.weight")!.dtype).toBe("float16");
    expect((await loadRegressor(at("d.pt"))).spec.origin).toBe("videohmr-ssl");
    expect(await failure(convertFile(at("b.pth"), at("e.pth"), { as: "spin" }))).toMatch(
      /OptionError: .*cannot be written as spin: it has camera sX\+t, and SPIN.* has perspective-5000/,
    );
    expect(await failure(convertFile(at("b.pth"), at("e.pth"), { as: "etf" }))).toMatch(/did you mean "eft"/);
    expect(await failure(convertFile(at("b.pth"), at("e.pth"), { as: "vibe" }))).toMatch(/cannot be written/);
  });

  test("a checkpoint that leaves its camera open needs it", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "spin.pt");
    await writePyTorch(path, await tensorsOf(3), { under: ["model"] });
    const out = join(folder, "out.safetensors");
    expect(await failure(convertFile(path, out))).toMatch(/OptionError: .*pass camera/);
    await convertFile(path, out, { camera: "perspective-5000" });
    expect((await loadRegressor(out)).spec).toMatchObject({ origin: "spin", camera: "perspective-5000" });
  });

  test("other weights as they are", async () => {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    const counts: HostTensor = { dtype: "int64", shape: [2], data: BigInt64Array.of(1n, -2n) };
    await writePyTorch(at("a.pth"), new Map([["counts", counts]]));
    await convertFile(at("a.pth"), at("a.safetensors"));
    expect((await readSafetensors(at("a.safetensors"))).tensors.get("counts")).toEqual(counts);
    expect(await failure(convertFile(at("a.pth"), at("b.pth"), { as: "official" }))).toMatch(/no known network/);
    expect(await failure(convertFile(at("a.pth"), at("b.txt")))).toMatch(/written as \.safetensors, \.pth/);
    await writeNpz(at("x.npz"), { a: counts });
    expect(await failure(convertFile(at("x.npz"), at("x.pth")))).toMatch(/is a NumPy archive.*expected weights/);
    writeFileSync(at("broken.pth"), "PK\x03\x04", "latin1");
    expect(await failure(convertFile(at("broken.pth"), at("b.pth")))).toMatch(/FormatError: .*broken\.pth/);
  });

  const golden = shared("golden/smpl");
  test.skipIf(!golden)("a body's pickle to .npz, from the command line", async () => {
    const input = join(golden!, "smpl_v431_python2_chumpy.pkl");
    const output = join(temporaryFolder(), "body.npz");
    const { code, stdout, stderr } = await motioncue(["convert", input, output, "--json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ output, what: "a body of 431 vertices with 10 betas" });
    expect((await inspectFile(output)).facts).toMatchObject({ holds: "a body model (SMPL layout)" });
    expect(await failure(convertFile(input, `${output}.pth`))).toMatch(/a body model is written as \.npz/);
  });

  const raft = shared("data/weights/raft-small.pth");
  test.skipIf(!raft)("RAFT's names: official to torchvision and back, bit for bit", async () => {
    const folder = temporaryFolder();
    const at = (name: string) => join(folder, name);
    await convertFile(raft!, at("tv.safetensors"), { as: "torchvision" });
    expect((await inspectFile(at("tv.safetensors"))).fit).toMatchObject({
      network: "raft-small",
      formats: ["torchvision"],
    });
    await convertFile(at("tv.safetensors"), at("official.pth"), { as: "official" });
    const [before, after] = [await readPyTorch(raft!), await readPyTorch(at("official.pth"))];
    expect([...after.tensors.keys()].sort()).toEqual([...before.tensors.keys()].sort());
    for (const [key, { data }] of before.tensors) {
      expect(Buffer.compare(bytesOf(after.tensors.get(key)!.data), bytesOf(data)), key).toBe(0);
    }
  });
});
