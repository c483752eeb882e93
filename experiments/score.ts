/** @file Whether one can tell without any truth where a network is wrong: flow residual and true error, frame by frame. */
import { join } from "node:path";
import { predictFrames } from "../pipelines/bodies/predict.ts";
import { prepareClips } from "../pipelines/clips/prepare.ts";
import { truthPath, videoSequences } from "../pipelines/evaluate/data.ts";
import type { EvaluationSequence } from "../pipelines/evaluate/evaluate.ts";
import { frameErrors } from "../pipelines/evaluate/frame-errors.ts";
import { loadPairFlows, pairResidual } from "../pipelines/evaluate/sequence-flow.ts";
import { flowCropSize, loadFlow } from "../pipelines/flow/load-flow.ts";
import { ROOT_JOINTS } from "../pipelines/labelled/joint-sets.ts";
import { expandVideos } from "../pipelines/run/input-files.ts";
import { CROP_SCALE } from "../pipelines/synth/stills.ts";
import type { BodyModel } from "../smpl/body-model.ts";
import { loadBody } from "../smpl/load-body.ts";
import { loadRegressor, type Regressor } from "../smpl/regressor.ts";
import { startEngine } from "../src/engine/engine.ts";
import { tf } from "../src/engine/tf.ts";
import { imagesToTensor } from "../src/image/image.ts";
import type { Network } from "./base.ts";
import { cellOf, once } from "./cell.ts";
import { flowDigest } from "./flow-identity.ts";
import type { Laboratory } from "./laboratory.ts";
import { folderOf, type MeasuredSplit } from "./measure.ts";

/** One list entry per frame that is in a pair with visible vertices. */
export interface FrameScores {
  /** Mean distance of mesh flow and observed flow at visible vertices, over the pairs with the frame; px of the crop. */
  readonly residual: readonly number[];
  /** PA-MPJPE and MPJPE, mm. */
  readonly paMpjpe: readonly number[];
  readonly mpjpe: readonly number[];
}

/** Settings of prepared clips but for the network: as `evaluate` has them, so that both use the same cache. */
const MAX_PAIRS = 2000;

/** The scores of a network on a split, computed unless known; undefined while another process computes them. */
export async function scoreFrames(
  lab: Laboratory,
  network: Network,
  split: MeasuredSplit,
): Promise<FrameScores | undefined> {
  const { options: { work }, world, context } = lab; // biome-ignore format: one line
  const settings = {
    kind: "score",
    world: world.key,
    network: network.key,
    split,
    flow: await flowDigest("motioncue"),
  };
  const cell = cellOf(join(work, "scored"), `${split}-${network.key}`, settings, settings);
  return once(
    cell,
    async () => {
      await startEngine("auto", "fp32");
      const regressor = await loadRegressor(network.regressor);
      const body = await loadBody("default");
      const flow = await loadFlow({ flow: "motioncue", flowWeights: undefined, flowUpdates: undefined });
      const { cropSize } = regressor.spec;
      try {
        const prepared = await prepareClips(
          await expandVideos([folderOf(world, split)]),
          {
            cache: join(work, "cache"),
            tracks: folderOf(world, split),
            cropSize,
            flowSize: flowCropSize(undefined, cropSize),
            boxScale: CROP_SCALE,
            maxPairs: MAX_PAIRS,
            flowUpdates: flow.updates,
            flowIdentity: flow.identity,
          },
          flow.estimator,
          context,
        );
        const scores: FrameScores[] = [];
        for (const store of prepared.stores)
          for (const sequence of await videoSequences(store, truthPath(store.index.video)))
            scores.push(await scoreSequence(regressor, body, sequence));
        const all = (key: keyof FrameScores) => scores.flatMap((one) => one[key]);
        return { residual: all("residual"), paMpjpe: all("paMpjpe"), mpjpe: all("mpjpe") };
      } finally {
        flow.estimator.dispose();
        regressor.dispose();
        body.dispose();
      }
    },
    lab.onlyLook,
  );
}

async function scoreSequence(
  regressor: Regressor,
  body: BodyModel,
  sequence: EvaluationSequence,
): Promise<FrameScores> {
  const count = sequence.frames.length;
  const frames = await Promise.all(sequence.frames.map((_, position) => sequence.load(position)));
  const flows = await loadPairFlows(sequence, 0, count);
  const residuals = Array.from({ length: count }, (): number[] => []);
  const found = { residual: [] as number[], paMpjpe: [] as number[], mpjpe: [] as number[] };
  tf.tidy(() => {
    const predicted = predictFrames(regressor, body, imagesToTensor(frames.map(({ crop }) => crop)));
    for (const group of flows) {
      const { perPair } = pairResidual(sequence, body.faces, regressor.spec.cropSize, predicted, 0, group);
      group.forEach(({ position }, i) => {
        if (Number.isNaN(perPair[i]!)) return;
        for (const frame of [position, position + 1]) residuals[frame]!.push(perPair[i]!);
      });
    }
    const truths = frames.map(({ truth }) => truth);
    frameErrors(`score ${sequence.name}`, body, predicted, truths, ROOT_JOINTS).forEach((errors, i) => {
      const own = residuals[i]!;
      if (!errors || own.length === 0) return;
      found.residual.push(own.reduce((sum, x) => sum + x, 0) / own.length);
      found.paMpjpe.push(errors.paMpjpe);
      found.mpjpe.push(errors.mpjpe);
    });
  });
  return found;
}
