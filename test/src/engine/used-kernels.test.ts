/**
 * @file What our networks and pipelines ask of an engine: every kernel that they run, fused ones through their fallbacks, is
 * one that tfjs-node has. So everything runs on `tensorflow`, which the tests cannot install.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { flowEstimators, loadFlowEstimator } from "../../../flow/estimators.ts";
import { infer } from "../../../pipelines/infer/infer.ts";
import { refine } from "../../../pipelines/refine/refine.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { trainFlow } from "../../../pipelines/train/flow.ts";
import { trainRegressor } from "../../../pipelines/train/regressor.ts";
import { backbones } from "../../../smpl/backbones.ts";
import { heads } from "../../../smpl/heads.ts";
import { createRegressor } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, type Tensor4D, tf } from "../../../src/engine/tf.ts";
import { writeSafetensors } from "../../../src/io/safetensors.ts";
import { silentLog } from "../../../src/log.ts";
import { valueAndGradients } from "../../../src/nn/gradients.ts";
import { formulaTensors } from "../../support/formula.ts";
import { recordKernels, withoutFusedKernels } from "../../support/kernel-recorder.ts";
import { writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-kernels-"));
afterAll(() => rmSync(folder, { recursive: true }));
const data = (name: string) => fileURLToPath(new URL(`../../../conformance/${name}`, import.meta.url));
const context = createContext(silentLog);

let engine = "";
beforeAll(async () => {
  engine = (await startEngine()).name;
  withoutFusedKernels();
});

/** Forward and backward through every backbone with every head, as small as they go. */
function everyRegressor(): void {
  for (const backbone of Object.keys(backbones) as (keyof typeof backbones)[]) {
    for (const head of Object.keys(heads) as (keyof typeof heads)[]) {
      const small = { width: 8, hidden: 16, cropSize: 64, vit: { depth: 1, heads: 2 } };
      const decoder = { depth: 1, heads: 2, headWidth: 8, inner: 16 };
      const regressor = createRegressor({ ...small, backbone, head, decoder }, 1);
      const loss = () =>
        tf.tidy(() => {
          const body = regressor.predict(tf.fill([2, 64, 64, 3], 0.3), { batchNorm: "batch" });
          const parts = Object.values(body).filter((part): part is Tensor => part instanceof tf.Tensor);
          return tf.addN(parts.map((part) => tf.sum(tf.square(part)))) as tf.Scalar;
        });
      valueAndGradients(loss, regressor.parameters);
      regressor.dispose();
    }
  }
}

/** Two updates of every flow network, both ways. */
async function everyFlowNetwork(): Promise<void> {
  for (const [name, kind] of Object.entries(flowEstimators)) {
    let weights = kind.weights;
    const layout = kind.layouts?.()[0];
    if (!weights && layout) {
      weights = join(folder, `${name}.safetensors`);
      const shapes = layout.keys.map(({ key, shape }) => [layout.prefix + key, shape] as const);
      await writeSafetensors(weights, formulaTensors(Object.fromEntries(shapes)), {}, { dtype: "float16" });
    }
    const estimator = await loadFlowEstimator(name, weights);
    estimator.clipFlows(tf.fill([2, 40, 70, 3], 0.5) as Tensor4D, [[0, 1]], 2);
  }
}

it("conformance/used-kernels.json lists the kernels that we use (vitest -u writes it anew)", async () => {
  if (engine !== "torch") return console.log("skipped: recorded on the torch engine only; the others are too slow");
  const given = { ...(await writeTinyNetworks(folder)), cache: join(folder, "cache") };
  const video = await writeTinyVideo(folder, "block");
  const kernels = await recordKernels(async () => {
    everyRegressor();
    await everyFlowNetwork();
    await refine({ ...given, videos: [video], out: join(folder, "refined") }, context);
    await infer({ inputs: [video], regressor: given.regressor!, tracks: folder, out: join(folder, "out") }, context);
    const sizes = { stills: 4, heldOut: 2, width: 4, hidden: 16, cropSize: 32, batch: 2, steps: 1, warmUp: 1 };
    await trainRegressor({ ...sizes, evaluateEvery: 1, checkpointEvery: 1, out: join(folder, "regressor") }, context);
    const flow = { steps: 1, batch: 1, size: 64, updates: 2, evaluateUpdates: 1, heldOut: 1, evaluateEvery: 1 };
    await trainFlow({ ...flow, out: join(folder, "flow") }, context);
  });
  const origin =
    "Recorded by test/src/engine/used-kernels.test.ts with the fused kernels taken away: every backbone with every head and every flow network, and small runs of refine, infer, train regressor and train flow.";
  await expect(`${JSON.stringify({ origin, kernels }, null, 2)}\n`).toMatchFileSnapshot(data("used-kernels.json"));
});

it("each of them is one that tfjs-node registers", () => {
  const kernels = (name: string): string[] => JSON.parse(readFileSync(data(name), "utf8")).kernels;
  const known = new Set(kernels("tfjs-node-kernels.json"));
  expect(kernels("used-kernels.json").length).toBeGreaterThan(40);
  expect(kernels("used-kernels.json").filter((name) => !known.has(name))).toEqual([]);
});
