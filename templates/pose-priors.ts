/** @file Priors of points and links that begin at a template's joints and skeleton, or at random. */
import { tf } from "../src/engine/tf.ts";
import { OptionError } from "../src/errors.ts";
import type { Parameters } from "../src/nn/parameters.ts";
import { createRandom } from "../src/random.ts";
import { BODY_SEGMENTS } from "./keypoint-metrics.ts";
import { LINK_RATE } from "./link-heat-map.ts";
import { type PartTemplate, partIndex, templateJoints } from "./part-template.ts";

/** Which priors there are, as the options of Pose Prior Learner. */
export interface PriorChoice {
  readonly points: number;
  readonly keypointPrior: "memory" | "template" | "template-frozen" | "random" | "random-frozen";
  readonly linkPrior: "random" | "random-frozen" | "template" | "template-frozen";
}

/** Joints of the skeleton whose links begin strong, by names of the part templates; `head` is the head's centre. */
const SKELETON: readonly (readonly [string, string])[] = [
  ["pelvis", "chest"],
  ["chest", "neck"],
  ["neck", "head"],
  // All but the torso.
  ...BODY_SEGMENTS.slice(1),
];

/** Before softplus: a weight of about 0.018, where the published links begin, and a weight of 1. */
const WEAK = -4;
const STRONG = Math.log(Math.E - 1);

/** The joints' names where the prior begins at a template, else `point-0`, `point-1` and so on. */
export function priorJointNames({ points, keypointPrior }: PriorChoice, template: PartTemplate): string[] {
  if (keypointPrior.startsWith("template")) return templateNames(template);
  return Array.from({ length: points }, (_, i) => `point-${i}`);
}

/**
 * `prior.links` [N,N] (before softplus and its factor), and `prior.points` [N,2] (row, column in [-1,1] of a picture of
 * `size`) unless the memory gives them. Frozen ones are not trainable. Throws OptionError where a template's priors are
 * asked for with another number of points than its joints and head.
 */
export function createPriors(choice: PriorChoice, template: PartTemplate, size: number, seed: number): Parameters {
  const { points, keypointPrior, linkPrior } = choice;
  const names = templateNames(template);
  const fromTemplate = keypointPrior.startsWith("template") || linkPrior.startsWith("template");
  if (fromTemplate && points !== names.length)
    throw new OptionError("ppl", `expected ${names.length} points for a prior from a template, got ${points}`);
  const trainable = (name: string) => !name.endsWith("-frozen");
  const priors: Parameters = new Map();

  const random = createRandom(seed, "prior.links");
  const theta = Float32Array.from({ length: points * points }, () => (WEAK + random.normal()) / LINK_RATE);
  if (linkPrior.startsWith("template")) {
    theta.fill(WEAK / LINK_RATE);
    for (const [a, b] of SKELETON) {
      const [i, j] = [names.indexOf(a), names.indexOf(b)].sort((x, y) => x - y) as [number, number];
      if (i >= 0) theta[i * points + j] = STRONG / LINK_RATE;
    }
  }
  priors.set("prior.links", variable(theta, [points, points], trainable(linkPrior)));

  if (keypointPrior === "memory") return priors;
  const places = keypointPrior.startsWith("template") ? templatePoints(template, size) : randomPoints(points, seed);
  return priors.set("prior.points", variable(Float32Array.from(places.flat()), [points, 2], trainable(keypointPrior)));
}

function templateNames(template: PartTemplate): string[] {
  return [...template.joints.map(({ name }) => name), "head"];
}

function templatePoints(template: PartTemplate, size: number): number[][] {
  const [x, y] = template.parts[partIndex(template, "head")]!.centre;
  const scale = size / template.canvas;
  const all = [...templateJoints(template, size), [scale * x, scale * y]] as [number, number][];
  return all.map(([column, row]) => [row, column].map((at) => (2 * at) / (size - 1) - 1));
}

function randomPoints(count: number, seed: number): number[][] {
  const random = createRandom(seed, "prior.points");
  return Array.from({ length: count }, () => [random.uniform(-0.5, 0.5), random.uniform(-0.5, 0.5)]);
}

function variable(values: Float32Array, shape: [number, number], trainable: boolean): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor2d(values, shape), trainable));
}
