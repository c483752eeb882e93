import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { loadFlowEstimator } from "../../flow/estimators.ts";
import { renameFlowWeights } from "../../flow/weight-adapters.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { HostTensor } from "../../src/io/host-tensor.ts";
import { formatNpy, parseNpy } from "../../src/io/npy.ts";
import { readPyTorch } from "../../src/io/pytorch.ts";
import { writePyTorch } from "../../src/io/pytorch-write.ts";
import { temporaryFolder } from "../support/files.ts";
import { picture } from "../support/formula.ts";
import { runTorchPython, torchPython } from "../support/torch-python.ts";

let native = false;
beforeAll(async () => {
  native = (await startEngine()).name !== "wasm";
});

/** Random weights, saved; and the flow after 12 updates, from first to second and back. With a third path: of weights from there. */
const PROGRAM = `
import sys, numpy as np, torch
from torchvision.models import optical_flow
size, folder, given = sys.argv[1], sys.argv[2], sys.argv[3:]
torch.manual_seed(7)
model = getattr(optical_flow, "raft_" + size)(weights=None).eval()
for name, tensor in model.state_dict().items():
    if name.endswith("running_mean"): tensor.uniform_(-0.2, 0.2)
    elif name.endswith("running_var"): tensor.uniform_(0.6, 1.4)
    elif name.endswith("bias"): tensor.uniform_(-0.1, 0.1)
    elif "flow_head.conv2.weight" in name: tensor.mul_(0.3)
if given:
    print(model.load_state_dict(torch.load(given[0]), strict=True))
else:
    torch.save(model.state_dict(), folder + "/weights.pth")
first, second = (torch.from_numpy(x).permute(2, 0, 1)[None].float() / 127.5 - 1 for x in np.load(folder + "/images.npy"))
with torch.no_grad():
    flows = [model(a, b, num_flow_updates=12)[-1] for a, b in ((first, second), (second, first))]
np.save(folder + "/flows.npy", torch.cat(flows).permute(0, 2, 3, 1).contiguous().numpy())
`;

/** Largest difference of [1,H,W,2] from entry `index` of the flows that Python wrote. */
function differenceFrom(folder: string, index: number, flow: Tensor4D): number {
  const { shape, data } = parseNpy(readFileSync(join(folder, "flows.npy"))) as HostTensor;
  expect(shape).toEqual([2, ...flow.shape.slice(1)]);
  return tf.tidy(() => {
    const golden = tf.tensor4d(data as Float32Array, shape as [number, number, number, number]);
    const wanted = tf.slice(golden, [index, 0, 0, 0], [1, shape[1]!, shape[2]!, 2]);
    return tf.max(tf.abs(tf.sub(flow, wanted))).dataSync()[0]!;
  });
}

describe("beside torchvision, random weights saved with torch.save", () => {
  test.each(["small", "large"])("raft_%s: 12 updates, both ways, and weights written back", async (size) => {
    if (!torchPython()) return;
    if (!native) return console.log("skipped: too slow on the portable engine");
    const folder = temporaryFolder();
    const [h, w] = [136, 176];
    const frames = [picture("raft", h, w), picture("raft", h, w, { dx8: 29, dy8: -11, zx: 4, zy: -2 })];
    const data = Uint8Array.from(frames.flatMap((frame) => [...frame]));
    writeFileSync(join(folder, "images.npy"), formatNpy({ dtype: "uint8", shape: [2, h, w, 3], data }));
    await runTorchPython(["-c", PROGRAM, size, folder]);

    const images = tf.div(tf.tensor4d(data, [2, h, w, 3], "float32"), 255) as Tensor4D;
    const saved = join(folder, "weights.pth");
    const estimator = await loadFlowEstimator(`raft-${size}`, saved);
    const { forward, backward } = estimator.clipFlows(images, [[0, 1]], 12);
    const errors = [differenceFrom(folder, 0, forward), differenceFrom(folder, 1, backward)];
    const reached = tf.max(tf.abs(forward)).dataSync()[0]!;
    console.log(`raft_${size}: largest differences ${errors.map((e) => e.toExponential(1))} px of up to ${reached} px`);
    expect(reached).toBeGreaterThan(1);
    expect(Math.max(...errors)).toBeLessThan(1e-3);
    expect(differenceFrom(folder, 1, forward)).toBeGreaterThan(0.1);
    estimator.dispose();

    // Through the official names and back to torchvision's: torchvision takes the file strictly, and gives the same flow.
    const official = renameFlowWeights(saved, (await readPyTorch(saved)).tensors, "official");
    expect([...official.keys()].every((key) => key.startsWith("module."))).toBe(true);
    const between = join(folder, "official.pth");
    await writePyTorch(between, official);
    const again = await loadFlowEstimator(`raft-${size}`, between);
    const other = again.clipFlows(images, [[0, 1]], 12).forward;
    expect(tf.max(tf.abs(tf.sub(other, forward))).dataSync()[0]).toBeLessThan(1e-5);
    again.dispose();
    const back = join(folder, "torchvision.pth");
    await writePyTorch(back, renameFlowWeights(between, (await readPyTorch(between)).tensors, "torchvision"));
    expect(await runTorchPython(["-c", PROGRAM, size, folder, back])).toContain("All keys matched");
    expect(differenceFrom(folder, 0, forward)).toBeLessThan(1e-3);
  });
});
