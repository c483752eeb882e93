/** @file Where tensors live, and downloads that do not hold up the thread; on whichever device this machine has. */
import { execFileSync } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { probeEngines } from "../../../src/engine/probe.ts";
import { tf } from "../../../src/engine/tf.ts";
import { DTYPE, downloadLater, isOnDevice, release, upload } from "../../../src/engine/torch/native.ts";

const torch = (await probeEngines()).find((probe) => probe.name === "torch")!;
if (!torch.available) console.log(`skipped: the torch engine's device (${torch.detail})`);

describe.runIf(torch.available)("the torch engine's device", () => {
  beforeAll(() => startEngine("torch"));

  it("is the CPU where there is no other, or MOTIONCUE_DEVICE says so", () => {
    const info = (device: string) => {
      const program = `
        import { startEngine } from "./src/engine/engine.ts";
        try { console.log(JSON.stringify(await startEngine("torch"))); } catch (error) { console.log(error.message); }`;
      const args = ["--import", "tsx", "--input-type=module", "-e", program];
      return execFileSync(process.execPath, args, {
        encoding: "utf8",
        env: { ...process.env, MOTIONCUE_DEVICE: device },
      });
    };
    expect(JSON.parse(info("cpu"))).toMatchObject({
      name: "torch",
      device: expect.stringMatching(/^cpu, \d+ threads$/),
    });
    expect(info("tpu")).toMatch(/torch: .*tpu/);
    if (!isOnDevice()) expect(info("cuda")).toMatch(/device cuda: this libtorch finds no CUDA device/);
  });

  it("hands a tensor's numbers over later, row by row, though it was disposed of meanwhile", async () => {
    const handle = upload(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], DTYPE.float32);
    const into = new Float32Array(6);
    const arrived = downloadLater(handle, into);
    release(handle);
    await arrived;
    expect([...into]).toEqual([1, 2, 3, 4, 5, 6]);

    const turned = tf.tidy(() => tf.transpose(tf.tensor2d([[1, 2, 3], [4, 5, 6]]))); // biome-ignore format: a matrix
    expect([...(await turned.data())]).toEqual([1, 4, 2, 5, 3, 6]);
    turned.dispose();
  });

  it("refuses an array of another size", () => {
    const handle = upload(new Int32Array(4), [4], DTYPE.int32);
    expect(() => downloadLater(handle, new Int32Array(3))).toThrow(
      "downloadLater: room for 12 bytes, the tensor has 16",
    );
    release(handle);
  });
});
