/** @file The keypoints that a trained template finds, as a run's keypoints: estimated once, gated, brought onto the body's joints. */
import type { BodyModel } from "../../smpl/body-model.ts";
import type { JointSampler } from "../../smpl/body-points.ts";
import { JOINT_COUNT } from "../../smpl/joints.ts";
import type { Regressor } from "../../smpl/regressor.ts";
import { type Tensor3D, tf } from "../../src/engine/tf.ts";
import { cropBatch, predictFrames } from "../bodies/predict.ts";
import type { ClipStore } from "../clips/store.ts";
import type { TemplateJointMap } from "../labelled/template-joints.ts";
import type { Context } from "../run/context.ts";
import { CONFIDENCE_TERMS } from "../templates/confidence.ts";
import type { KeypointSource } from "./keypoint-match.ts";
import { templatePath } from "./options.ts";
import { loadCrops } from "./sampler.ts";
import { estimateStore, openFinder, type TemplateEstimates } from "./template-estimates.ts";
import { CLIP_PROBLEMS, type ClipEvidence, type ClipVerdict, jointOffsets, judgeClip } from "./template-gates.ts";

const BATCH = 16;
/** A template sees people this much larger or smaller than it has learnt: worth a word. */
const OTHER_SCALE = 1.25;

/** Reads the template that `--keypoints-from` names, before any work is done for it; throws as openFinder. */
export async function checkTemplateChoice(choice: string | undefined): Promise<void> {
  if (choice !== undefined) (await openFinder(templatePath(choice))).estimator.dispose();
}

/** What a run has that the gates look at: the network as it is before the run, and where estimates are kept. */
interface TemplateSetting {
  readonly regressor: Regressor;
  readonly body: BodyModel;
  readonly cache: string;
  /** Side of the run's crops over the person's box. */
  readonly boxScale: number;
}

/**
 * The keypoints of a trained template for every crop of the stores. What is left out and why is told to the log; a template
 * that is of no use gives keypoints without confidence, and the run goes on without them. Throws as openFinder.
 */
export async function openTemplateKeypoints(
  choice: string,
  stores: readonly ClipStore[],
  { regressor, body, cache, boxScale }: TemplateSetting,
  context: Context,
): Promise<KeypointSource> {
  const finder = await openFinder(templatePath(choice));
  if (Math.abs(Math.log(finder.boxScale / boxScale)) > Math.log(OTHER_SCALE))
    context.log.warn(
      `the template has learnt from crops of ${finder.boxScale} times the box, these are ${boxScale} times; give --box-scale ${finder.boxScale}`,
    );
  const sampler = templateSampler(finder.joints);
  try {
    const judged: JudgedClip[] = [];
    for (const store of stores) {
      const estimates = await estimateStore(finder, store, cache, context);
      const projected = await projectStore(store, regressor, body, sampler, context);
      judged.push(...judgeStore(store, estimates, projected, finder.joints));
    }
    for (const line of tellGates(judged)) context.log.info(line);
    return { ...templateSource(judged, finder.joints), sampler, digest: finder.digest };
  } catch (error) {
    sampler.dispose();
    throw error;
  } finally {
    finder.estimator.dispose();
  }
}

/** Gives the joints [B,K,3] of a skinned body that a template's are. The caller disposes it. */
export function templateSampler({ mix, names }: Pick<TemplateJointMap, "mix" | "names">): JointSampler {
  const weights = tf.tensor3d(mix, [1, names.length, JOINT_COUNT]);
  return {
    joints: ({ joints }) =>
      tf.tidy(() => tf.matMul(tf.tile(weights, [joints.shape[0]!, 1, 1]), joints as Tensor3D) as Tensor3D),
    dispose: () => weights.dispose(),
  };
}

/** A clip's keypoints and what they are worth. */
export interface JudgedClip extends ClipEvidence, ClipVerdict {
  readonly store: ClipStore;
  readonly clip: number;
}

/** Judges the clips of a store; estimates and projected joints [N*K*2] lie clip after clip. */
export function judgeStore(
  store: ClipStore,
  estimates: TemplateEstimates,
  projected: Float32Array,
  joints: TemplateJointMap,
): JudgedClip[] {
  const K = joints.names.length;
  let start = 0;
  return store.index.clips.map(({ crops }, clip) => {
    const end = start + crops.length;
    const part = (values: Float32Array, width: number) => values.subarray(start * K * width, end * K * width);
    const evidence = {
      keypoints: part(estimates.keypoints, 2),
      terms: part(estimates.terms, CONFIDENCE_TERMS.length),
      projected: part(projected, 2),
      cropSize: store.index.cropSize,
    };
    start = end;
    return { store, clip, ...evidence, ...judgeClip(evidence, joints) };
  });
}

/** Keypoints, moved by each joint's usual distance from the body's, with the confidence that the verdicts leave them. */
export function templateSource(
  judged: readonly JudgedClip[],
  { names, mirror }: Pick<TemplateJointMap, "names" | "mirror">,
): Omit<KeypointSource, "sampler" | "digest"> {
  const K = names.length;
  const offsets = jointOffsets(judged, K);
  const clips = new Map<ClipStore, Map<number, JudgedClip>>();
  for (const one of judged) clips.set(one.store, (clips.get(one.store) ?? new Map()).set(one.clip, one));
  return {
    mirror,
    matched: judged.reduce((sum, { confidence }) => sum + usedFrames(confidence, K), 0),
    keypointsOf(frames) {
      const result = new Float32Array(frames.length * K * 3);
      frames.forEach(({ store, clip, crop }, f) => {
        const own = clips.get(store)?.get(clip);
        for (let k = 0; own && k < K; k++) {
          const at = crop * K + k;
          if (!(own.confidence[at]! > 0)) continue;
          const [x, y] = [0, 1].map((axis) => own.keypoints[2 * at + axis]! + offsets[2 * k + axis]!) as [
            number,
            number,
          ];
          result.set([x, y, own.confidence[at]!], 3 * (f * K + k));
        }
      });
      return result;
    },
  };
}

/** Lines that say how many frames are used, and why the others are not. */
export function tellGates(judged: readonly JudgedClip[]): string[] {
  const lines: string[] = [];
  const gated = Object.fromEntries(CONFIDENCE_TERMS.map((term) => [term, 0]));
  let [all, used, lost] = [0, 0, 0];
  for (const { store, clip, confidence, gated: own, problem, keypoints } of judged) {
    const { track, crops } = store.index.clips[clip]!;
    all += crops.length;
    if (problem) {
      lost += crops.length;
      lines.push(
        `template keypoints: ${store.index.video} track ${track}: ${crops.length} frames left out: ${CLIP_PROBLEMS[problem]}`,
      );
      continue;
    }
    used += usedFrames(confidence, keypoints.length / 2 / crops.length);
    for (const term of CONFIDENCE_TERMS) gated[term]! += own[term];
  }
  const why = CONFIDENCE_TERMS.filter((term) => gated[term]! > 0).map((term) => `${gated[term]} by ${term}`);
  const single = all - used - lost;
  lines.push(
    `template keypoints: ${used} of ${all} frames used; left out: ${lost} with their clips, ${single} alone${why.length > 0 ? ` (${why.join(", ")})` : ""}`,
  );
  return lines;
}

function usedFrames(confidence: Float32Array, K: number): number {
  let used = 0;
  for (let f = 0; f < confidence.length / K; f++) used += +confidence.subarray(f * K, (f + 1) * K).some((c) => c > 0);
  return used;
}

/** [N*K*2] where the regressor has the joints in all crops of a store. */
async function projectStore(
  store: ClipStore,
  regressor: Regressor,
  body: BodyModel,
  sampler: JointSampler,
  context: Context,
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const [clip, { crops }] of store.index.clips.entries())
    for (let begin = 0; begin < crops.length; begin += BATCH) {
      context.signal.throwIfAborted();
      const count = Math.min(BATCH, crops.length - begin);
      const bytes = await loadCrops(Array.from({ length: count }, (_, i) => ({ store, clip, crop: begin + i })));
      tf.tidy(() => {
        const { points } = predictFrames(regressor, body, cropBatch(bytes, store.index.cropSize), { sampler });
        parts.push(Float32Array.from(points!.dataSync<"float32">()));
      });
    }
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
