/** @file What a trained template estimator finds in the crops of a video, how sure each keypoint is, kept beside the crops. */
import { join } from "node:path";
import { runningPrecision } from "../../src/engine/engine.ts";
import { FormatError } from "../../src/errors.ts";
import { imageFrom, imagesToTensor } from "../../src/image/image.ts";
import { resizeImage } from "../../src/image/resize.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import { numbersOf, readNpz, writeNpz } from "../../src/io/npz.ts";
import type { TemplateEstimator } from "../../templates/estimator.ts";
import type { PartTemplate } from "../../templates/part-template.ts";
import type { ClipStore } from "../clips/store.ts";
import { type TemplateJointMap, templateJointMap } from "../labelled/template-joints.ts";
import { contentKey, fileDigest } from "../run/content-key.ts";
import type { Context } from "../run/context.ts";
import { CONFIDENCE_TERMS, flowConfidence, isWithin, PICTURE_TERMS } from "../templates/confidence.ts";
import { findKeypoints } from "../templates/find-keypoints.ts";
import { windowShapeOf } from "../templates/infer-options.ts";
import { loadTemplate } from "../templates/model-file.ts";
import { frameEdges, loadCrops } from "./sampler.ts";

/** An estimator and which of its joints are compared with a body's. */
export interface TemplateFinder {
  readonly estimator: TemplateEstimator;
  readonly joints: TemplateJointMap;
  /** The parts that it moves, if it does. */
  readonly parts?: PartTemplate;
  /** Side of the windows that it was trained on over the person's box. */
  readonly boxScale: number;
  /** Stands for the file. */
  readonly digest: string;
}

/** Of all crops of a store, clip after clip: N crops, K joints. */
export interface TemplateEstimates {
  /** [N*K*2] pixels of the regressor's crops. */
  readonly keypoints: Float32Array;
  /** [N*K*4] confidences 0..1 by each of CONFIDENCE_TERMS. */
  readonly terms: Float32Array;
}

const BATCH = 16;
const VERSION = 3;
const TERMS = CONFIDENCE_TERMS.length;

/** Reads the file of a trained template. Throws FormatError for others, and for one whose joints have no names. */
export async function openFinder(path: string): Promise<TemplateFinder> {
  const { estimator, parts, metadata } = await loadTemplate(path);
  const joints = templateJointMap(estimator.jointNames);
  if (joints.names.length === 0) {
    estimator.dispose();
    throw new FormatError(
      path,
      "expected a template whose joints have names that a body knows, got points without meaning; train it with --keypoint-prior template",
    );
  }
  const fits = parts && parts.joints.map(({ name }) => name).join() === estimator.jointNames.join();
  return {
    estimator,
    joints,
    ...(fits ? { parts } : {}),
    boxScale: windowShapeOf(metadata).boxScale,
    digest: await fileDigest(path),
  };
}

/** The estimates for all crops of a store: from the folder `cache` where they are known, else made and kept there. */
export async function estimateStore(
  finder: TemplateFinder,
  store: ClipStore,
  cache: string,
  context: Context,
): Promise<TemplateEstimates> {
  const name = contentKey(["template keypoints", VERSION, store.key, finder.digest, runningPrecision()]);
  const path = join(cache, `${name}.keypoints.npz`);
  const known = await readEstimates(path);
  if (known) return known;
  const made = await makeEstimates(finder, store, context);
  const count = made.keypoints.length / 2;
  await writeNpz(path, {
    keypoints: { dtype: "float32", shape: [count, 2], data: made.keypoints },
    terms: { dtype: "float32", shape: [count, TERMS], data: made.terms },
  });
  return made;
}

async function readEstimates(path: string): Promise<TemplateEstimates | undefined> {
  try {
    const arrays = await readNpz(path);
    const read = (key: string, width: number) => toFloat32(numbersOf(arrays, key, path, [-1, width]));
    return { keypoints: read("keypoints", 2), terms: read("terms", TERMS) };
  } catch {
    // Not there, or broken: made again.
    return undefined;
  }
}

/** estimateStore without a cache. */
export async function makeEstimates(
  finder: TemplateFinder,
  store: ClipStore,
  context: Context,
): Promise<TemplateEstimates> {
  const { clips } = store.index;
  const K = finder.joints.names.length;
  const total = clips.reduce((sum, clip) => sum + clip.crops.length, 0);
  const keypoints = new Float32Array(total * K * 2);
  const terms = new Float32Array(total * K * TERMS);
  const progress = context.progress(`template ${store.index.video}`, { total, unit: "frames" });
  let start = 0;
  try {
    for (const [c, clip] of clips.entries()) {
      for (let begin = 0; begin < clip.crops.length; begin += BATCH) {
        context.signal.throwIfAborted();
        const frames = Array.from({ length: Math.min(BATCH, clip.crops.length - begin) }, (_, i) => begin + i);
        const found = await estimateFrames(finder, store, c, frames);
        keypoints.set(found.keypoints, (start + begin) * K * 2);
        terms.set(found.terms, (start + begin) * K * TERMS);
        progress.update(start + begin + frames.length);
      }
      await addFlowTerm({ keypoints, terms }, store, c, start, K);
      start += clip.crops.length;
    }
  } finally {
    progress.finish();
  }
  return { keypoints, terms };
}

/** Everything but the flow term, of some crops of one clip. */
async function estimateFrames(finder: TemplateFinder, store: ClipStore, clip: number, crops: readonly number[]) {
  const { estimator, joints } = finder;
  const { size, jointNames } = estimator;
  const { cropSize } = store.index;
  const places = crops.map((crop) => ({ store, clip, crop }));
  const bytes = await loadCrops(places);
  const length = bytes.length / crops.length;
  const images = crops.map((_, i) => {
    const crop = imageFrom(bytes.slice(i * length, (i + 1) * length), cropSize, cropSize);
    return cropSize === size ? crop : resizeImage(crop, size, size);
  });
  const batch = imagesToTensor(images);
  const found = findKeypoints(finder, batch);
  batch.dispose();
  const inCrops = found.points.map((x) => ((x + 0.5) * cropSize) / size - 0.5);
  const J = jointNames.length;
  const K = joints.places.length;
  const keypoints = new Float32Array(crops.length * K * 2);
  const terms = new Float32Array(crops.length * K * TERMS);
  crops.forEach((_, f) => {
    const edges = frameEdges(places[f]!);
    joints.places.forEach((j, k) => {
      const [from, to] = [f * J + j, f * K + k];
      // Its confidences are 0, and no such number goes further.
      if (!Number.isFinite(inCrops[2 * from]! + inCrops[2 * from + 1]!)) return;
      keypoints.set(inCrops.subarray(2 * from, 2 * from + 2), 2 * to);
      const own = found.terms.subarray(from * PICTURE_TERMS.length, (from + 1) * PICTURE_TERMS.length);
      const isSeen = isWithin(inCrops, from, edges);
      terms.set([...own.map((said, t) => (PICTURE_TERMS[t] === "bounds" && !isSeen ? 0 : said)), 1], TERMS * to);
    });
  });
  return { keypoints, terms };
}

/**
 * Each crop's agreement with the flow to those it makes a pair with: the best of them, so that a right keypoint does not pay
 * for a wrong one in the next frame.
 */
async function addFlowTerm(
  { keypoints, terms }: TemplateEstimates,
  store: ClipStore,
  c: number,
  start: number,
  K: number,
) {
  const { clips, cropSize } = store.index;
  const clip = clips[c]!;
  const best = new Map<number, Float32Array>();
  const of = (crop: number) => keypoints.subarray((start + crop) * K * 2, (start + crop + 1) * K * 2);
  const note = (crop: number, found: Float32Array) =>
    best.set(crop, best.get(crop)?.map((c, k) => Math.max(c, found[k]!)) ?? found);
  for (const [pair, [a, b]] of clip.pairs.entries()) {
    const { forward, backward } = await store.readFlow(c, pair);
    note(a, flowConfidence(of(a), of(b), forward, cropSize));
    note(b, flowConfidence(of(b), of(a), backward, cropSize));
  }
  for (const [crop, found] of best) found.forEach((c, k) => { terms[((start + crop) * K + k) * TERMS + 3] = c; }); // biome-ignore format: one thought
}
