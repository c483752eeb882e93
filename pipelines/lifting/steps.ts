/** @file One optimisation step of a lifter: with 3D labels, or without against critics. */
import { type Tensor, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { FormatError, NonFiniteError } from "../../src/errors.ts";
import type { HostTensor } from "../../src/io/host-tensor.ts";
import { type Adam, createAdam } from "../../src/nn/adam.ts";
import { clipGradients, disposeGradients, valueAndGradients } from "../../src/nn/gradients.ts";
import { initialValues } from "../../src/nn/init.ts";
import { assignFromHost, disposeParameters, type Parameters, parametersFromHost, parametersToHost } from "../../src/nn/parameters.ts"; // biome-ignore format: one line
import { createRandom, type Random } from "../../src/random.ts";
import { type PoseNetMode, poseNetShapes } from "../../templates/nets/pose-net.ts";
import { templateJointMap } from "../labelled/template-joints.ts";
import { warmCosine } from "../run/learning-rate.ts";
import { takePoses } from "./evaluate.ts";
import type { Lifter } from "./lifter.ts";
import type { LiftTrainOptions } from "./options.ts";
import type { PoseSet } from "./poses.ts";
import { DISTANCE, drawTurns, jointSides } from "./reprojection.ts";
import { type Critic, criticLoss, criticView, cycleLosses, makerLoss, runCycle } from "./self-supervision.ts";

/** What a step came to: the lifter's loss and its terms. */
export interface LiftStep {
  readonly loss: number;
  readonly terms: Readonly<Record<string, number>>;
}

/** A lifter in training. */
export interface LiftTrainer {
  /** Takes step number `step`, counted from 1. Throws NonFiniteError. */
  step(step: number): LiftStep;
  /** Everything that changes, by name. */
  state(): Promise<{ weights: Map<string, HostTensor>; optimiser: Map<string, HostTensor> }>;
  restore(state: { weights: ReadonlyMap<string, HostTensor>; optimiser: ReadonlyMap<string, HostTensor> }): void;
  dispose(): void;
}

interface Group {
  readonly parameters: Parameters;
  readonly adam: Adam;
  readonly rate: number;
}

/** A trainer of `lifter`, which it does not own, on poses of `set`. What a step does follows from the options and its number. */
export function createLiftTrainer(lifter: Lifter, set: PoseSet, options: LiftTrainOptions): LiftTrainer {
  const group = (parameters: Parameters, rate: number): Group => ({
    parameters,
    rate,
    adam: createAdam({ learningRate: rate, beta1: options.labels === "none" ? 0.5 : 0.9 }),
  });
  const critics = options.labels === "none" ? createCritics(lifter.spec.joints.length, options) : [];
  const groups = new Map<string, Group>([["lifter", group(lifter.parameters, options.learningRate)]]);
  for (const { prefix, parameters } of critics) groups.set(prefix, group(parameters, options.criticRate));
  const descend = (name: string, step: number, f: () => tf.Scalar) => move(groups.get(name)!, name, step, options, f);
  return {
    step(step) {
      const random = createRandom(options.seed, "lift", step);
      return critics.length > 0
        ? cycleStep({ lifter, set, options, critics, random, descend }, step)
        : labelledStep({ lifter, set, options, random, descend }, step);
    },
    async state() {
      const [weights, optimiser] = [new Map<string, HostTensor>(), new Map<string, HostTensor>()];
      for (const [name, { parameters, adam }] of groups) {
        for (const [key, value] of await parametersToHost(parameters)) weights.set(key, value);
        for (const [key, value] of await adam.state()) optimiser.set(`${name}/${key}`, value);
      }
      return { weights, optimiser };
    },
    restore({ weights, optimiser }) {
      for (const [name, { parameters, adam }] of groups) {
        const own = (from: ReadonlyMap<string, HostTensor>, start: string) =>
          new Map([...from].filter(([key]) => key.startsWith(start)));
        assignFromHost(parameters, own(weights, `${name}.`), "checkpoint");
        const moments = [...own(optimiser, `${name}/`)].map(
          ([key, value]) => [key.slice(name.length + 1), value] as const,
        );
        if (moments.length === 0) throw new FormatError("checkpoint", `expected the optimiser of ${name}, found none`);
        adam.restore(new Map(moments), "checkpoint");
      }
    },
    dispose() {
      for (const { adam } of groups.values()) adam.dispose();
      for (const { parameters } of critics) disposeParameters(parameters);
    },
  };
}

interface StepJob {
  readonly lifter: Lifter;
  readonly set: PoseSet;
  readonly options: LiftTrainOptions;
  readonly random: Random;
  /** One step of Adam down `f` for the parameters of a group; its value. */
  readonly descend: (name: string, step: number, f: () => tf.Scalar) => number;
}

/** Mean squared distance of the joints from their places in space (Martinez et al. 2017). */
function labelledStep({ lifter, set, options, random, descend }: StepJob, step: number): LiftStep {
  const places = Array.from({ length: options.batch }, () => random.integer(set.metres.length));
  const { points, skeletons } = takePoses(set, places);
  const noisy = withNoise(points, options.noise, random);
  const mode = trainingMode(options, step, "labelled");
  const loss = descend("lifter", step, () => {
    const found = lifter.lift(noisy, mode);
    return tf.mean(tf.sum(tf.square(tf.sub(found, skeletons)), 2)) as tf.Scalar;
  });
  tf.dispose([points, skeletons, noisy]);
  return { loss, terms: {} };
}

/** The lifter goes against the critics as they are, then the critics against what it just made. */
function cycleStep(job: StepJob & { readonly critics: readonly Critic[] }, step: number): LiftStep {
  const { lifter, set, options, random, descend, critics } = job;
  const pairs = Math.max(1, Math.round(options.batch / 2));
  const firsts = Array.from({ length: pairs }, () => random.pick(set.followed));
  const { points, skeletons } = takePoses(set, [...firsts, ...firsts.map((place) => place + 1)]);
  skeletons.dispose();
  const noisy = withNoise(points, options.noise, random);
  // Both frames of a pair are looked at from the same other side.
  const turns = tf.tidy(() => tf.tile(tf.tensor3d(drawTurns(random, pairs), [pairs, 3, 3]), [2, 1, 1]) as Tensor3D);
  const { joints, sides } = lifter.spec;
  const sided = sides === "picture" ? jointSides(joints, templateJointMap(joints).mirror) : undefined;
  const view = (critic: Critic, x: Tensor3D) => {
    const [first, next] = tf.split(x, 2, 0) as [Tensor3D, Tensor3D];
    return critic.prefix === "motion" ? criticView(first, sided, next) : criticView(x, sided);
  };
  const terms: Record<string, number> = {};
  let made = new Float32Array(0);
  let drop = 0;
  const loss = descend("lifter", step, () => {
    const lift = (x: Tensor3D) => lifter.lift(x, trainingMode(options, step, `cycle ${drop++}`));
    const cycle = runCycle(lift, noisy, turns);
    made = Float32Array.from(cycle.seen.dataSync<"float32">());
    const { space, plane } = cycleLosses(noisy, cycle);
    const said = critics.map((critic) => makerLoss(critic, view(critic, cycle.seen)));
    const all = [space, plane, ...said];
    const names = ["space", "plane", ...critics.map(({ prefix }) => prefix)];
    all.forEach((term, i) => {
      terms[names[i]!] = term.dataSync()[0]!;
    });
    const weights = [options.spaceWeight, options.planeWeight, options.criticWeight, options.motionWeight];
    return tf.addN(all.map((term, i) => tf.mul(term, weights[i]!) as Tensor)) as tf.Scalar;
  });
  const seen = tf.tensor3d(made, points.shape);
  for (const critic of critics)
    terms[`${critic.prefix}Critic`] = descend(critic.prefix, step, () =>
      criticLoss(critic, view(critic, points), view(critic, seen)),
    );
  tf.dispose([points, noisy, turns, seen]);
  return { loss, terms };
}

function createCritics(
  joints: number,
  { criticWidth, critics, seed, criticWeight, motionWeight }: LiftTrainOptions,
): Critic[] {
  const all = [
    { prefix: "pose", inputs: 2 * joints, used: criticWeight > 0 },
    { prefix: "motion", inputs: 4 * joints, used: critics === "pose-and-motion" && motionWeight > 0 },
  ];
  return all
    .filter(({ used }, i) => used || i === 0)
    .map(({ prefix, inputs }) => {
      const spec = { inputs, outputs: 1, width: criticWidth, blocks: 2, norm: false };
      return { prefix, spec, parameters: parametersFromHost(initialValues(poseNetShapes(prefix, spec), seed)) };
    });
}

function trainingMode({ dropout, seed }: LiftTrainOptions, step: number, key: string): PoseNetMode {
  return { norm: "batch", ...(dropout > 0 ? { dropout: { rate: dropout, seed: `${seed}/${step}/${key}` } } : {}) };
}

/** Points with normal noise on all but the root; `share` of the pose's size. */
function withNoise(points: Tensor3D, share: number, random: Random): Tensor3D {
  const [batch, joints] = points.shape;
  if (share === 0) return tf.clone(points);
  const noise = Float32Array.from({ length: batch * joints * 2 }, (_, i) =>
    i % (2 * joints) < 2 ? 0 : random.normal(0, share / DISTANCE),
  );
  return tf.tidy(() => tf.add(points, tf.tensor3d(noise, points.shape)) as Tensor3D);
}

function move(
  { parameters, adam, rate }: Group,
  name: string,
  step: number,
  options: LiftTrainOptions,
  f: () => tf.Scalar,
): number {
  const { value, gradients } = valueAndGradients(f, parameters);
  const loss = value.dataSync()[0]!;
  value.dispose();
  const limit = options.gradientClip > 0 ? options.gradientClip : Number.MAX_VALUE;
  const { gradients: clipped, norm } = clipGradients(gradients, limit);
  const size = norm.dataSync()[0]!;
  norm.dispose();
  disposeGradients(gradients);
  if (!Number.isFinite(loss + size)) {
    disposeGradients(clipped);
    throw new NonFiniteError("lift train", `loss ${loss}, gradient ${size} of the ${name} in step ${step}; lower the learning rate`); // biome-ignore format: one line
  }
  adam.step(parameters, clipped, warmCosine(rate, step, { warm: Math.max(1, Math.round(options.steps / 50)), end: options.steps, floor: 0.01 })); // biome-ignore format: one line
  disposeGradients(clipped);
  return loss;
}
