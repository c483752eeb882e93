/** @file Pose Prior Learner: points moved from a prior that a memory of poses holds, drawn as weighted links. */
import { type Tensor, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { OptionError } from "../../src/errors.ts";
import type { BatchNormMode } from "../../src/nn/batch-norm.ts";
import { initialValues } from "../../src/nn/init.ts";
import { disposeParameters, type Parameters, parameter, parametersFromHost } from "../../src/nn/parameters.ts";
import { stopGradient } from "../../src/nn/stop-gradient.ts";
import { completeOptions } from "../../src/options.ts";
import { placeLoss } from "../body-place.ts";
import {
  DEFAULT_TRAINING,
  type TemplateEstimator,
  type TemplateEstimatorKind,
  type TemplateLoss,
  type TemplateSetting,
} from "../estimator.ts";
import { linkHeatMap, linkPairs, linkWeights } from "../link-heat-map.ts";
import { linkLengthLoss, linkStiffness } from "../link-losses.ts";
import { headPoints, keypointHeadShapes } from "../nets/keypoint-head.ts";
import { skipTranslation, skipTranslatorShapes } from "../nets/skip-translator.ts";
import { boundaryLoss } from "../part-losses.ts";
import { loadTemplate } from "../part-template.ts";
import { fromNetwork, reconstructionLoss, toNetwork } from "../picture-scale.ts";
import {
  createCodes,
  distilPrior,
  type PoseMemorySpec,
  PUBLISHED_MIXERS,
  poseMemoryShapes,
  remember,
} from "../pose-memory.ts";
import { createPriors, priorJointNames } from "../pose-priors.ts";
import { silhouetteLoss } from "../silhouettes.ts";
import { PPL_OPTIONS, type PplOptions } from "./ppl-options.ts";

const STATISTICS = { mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5] };

/** The first matrices are the identity and a little more, so that points begin at the prior's. */
const FIRST_NUMBERS = 0.02;

export const ppl: TemplateEstimatorKind = {
  doc: "points and links learnt with a prior from a memory of poses (Pose Prior Learner)",
  options: PPL_OPTIONS,
  presets: {
    paper: {
      size: 256,
      width: 64,
      decoderWidth: 64,
      perceptualWeight: 1,
      silhouetteWeight: 0,
      stiffnessWeight: 0,
      body: "still",
      keypointPrior: "memory",
      template: "arms-down",
      linkPrior: "random",
      thickness: 5e-4,
      dim: 512,
      channels: PUBLISHED_MIXERS.encoderChannels,
      memoryStart: "released",
      poseWeight: 1,
      linkWeight: 1,
    },
    default: {},
  },
  training: {
    paper: { learningRate: 1e-3, batchSize: 64, epochs: 50, reference: "frame", mirrored: true },
    default: { ...DEFAULT_TRAINING, mirrored: true },
  },
  create: (options, setting = {}) => createPpl(completeOptions("ppl", PPL_OPTIONS, options), setting),
};

function createPpl(options: PplOptions, { seed = 0, features }: TemplateSetting): TemplateEstimator {
  const { size } = options;
  const unit = options.body === "moves" ? 32 : 16;
  if (size % unit !== 0) throw new OptionError("ppl", `size must be a multiple of ${unit}, got ${size}`);
  const template = loadTemplate(options.template);
  const memory = {
    points: options.points,
    banks: options.banks,
    codes: options.codes,
    dim: options.dim,
    ...PUBLISHED_MIXERS,
    encoderChannels: options.channels,
    encoderChannelHidden: options.channels,
  };
  const parameters = firstParameters(options, seed, memory);
  for (const [key, value] of createPriors(options, template, size, seed)) parameters.set(key, value);

  /** The prior's points [N,2]; those of the memory carry no gradient, those of a trainable prior do. */
  const priorPoints = (): Tensor2D =>
    options.keypointPrior === "memory"
      ? distilPrior(parameters, "memory")
      : (parameter(parameters, "prior.points") as Tensor as Tensor2D);
  const weights = () => linkWeights(parameter(parameters, "prior.links") as Tensor as Tensor2D);
  const draw = (points: Tensor3D) => linkHeatMap(points, weights(), size, options.thickness);
  const find = (images: Tensor4D, prior: Tensor2D, mode: BatchNormMode) =>
    headPoints(parameters, "pose", options, toNetwork(images, STATISTICS), prior, mode);
  const decode = (references: Tensor4D, heat: Tensor4D, mode: BatchNormMode) => {
    const shown = tf.mul(toNetwork(references, STATISTICS), parameter(parameters, "alpha")) as Tensor4D;
    return skipTranslation(parameters, "decoder", shown, heat, mode);
  };

  return {
    size,
    jointNames: priorJointNames(options, template),
    parameters,
    loss: ({ images, references, backgrounds }) =>
      tf.tidy((): TemplateLoss & tf.TensorContainerObject => {
        const prior = priorPoints();
        const { points, placed, place } = find(images, prior, "batch");
        const heat = draw(points);
        const { sum, terms } = reconstructionLoss(
          () => decode(references, heat, "batch"),
          images,
          STATISTICS,
          options,
          features,
        );
        const silhouette = silhouetteLoss(heat, images, backgrounds, options.silhouetteWeight);
        const where = place ? placeLoss(place, images, backgrounds) : tf.scalar(0);
        const boundary = boundaryLoss(points);
        // The memory learns from where points are, never moves them: so neither waits for the other.
        const poses = stopGradient(() => tf.clone(points));
        const { poses: recalled, commitment } = remember(parameters, "memory", memory, poses, true);
        const pose = tf.mean(tf.square(tf.sub(recalled, poses))) as tf.Scalar;
        const link = linkLengthLoss(prior, points, weights());
        const stiffness = linkStiffness(placed, points, weights());
        const total = tf.addN([
          sum,
          tf.mul(silhouette, options.silhouetteWeight),
          tf.mul(where, options.placeWeight),
          tf.mul(stiffness, options.stiffnessWeight),
          tf.mul(boundary, options.boundaryWeight),
          tf.mul(pose, options.poseWeight),
          tf.mul(commitment, options.commitmentWeight),
          ...(options.linkWeight > 0 ? [tf.mul(link, options.linkWeight)] : []),
        ]);
        return {
          ...terms,
          silhouette,
          place: where,
          boundary,
          stiffness,
          pose,
          commitment,
          link,
          total: total as tf.Scalar,
        };
      }),
    infer: (images) => tf.tidy(() => ({ keypoints: toPixels(find(images, priorPoints(), "frozen").points, size) })),
    inferIteratively: (images, iterations) =>
      tf.tidy(() => {
        const prior = priorPoints();
        let seen = images;
        return Array.from({ length: iterations }, () => {
          const { points } = find(seen, prior, "frozen");
          const { poses } = remember(parameters, "memory", memory, points, false);
          const made = fromNetwork(decode(images, draw(poses), "frozen"), STATISTICS);
          seen = tf.clipByValue(made, 0, 1);
          return { keypoints: toPixels(points, size) };
        });
      }),
    draw: ({ images, references }) =>
      tf.tidy(() => {
        const shapes = draw(find(images, priorPoints(), "frozen").points);
        if (options.perceptualWeight + options.pixelWeight === 0) return { shapes };
        const made = fromNetwork(decode(references, shapes, "frozen"), STATISTICS);
        return { reconstruction: tf.clipByValue(made, 0, 1), shapes };
      }),
    prior: () =>
      tf.tidy(() => {
        const places = linkPairs(options.points).map(([i, j]) => [i, j]);
        const half = tf.scatterND(tf.tensor2d(places, undefined, "int32"), weights(), [options.points, options.points]);
        const points = toPixels(tf.expandDims(priorPoints(), 0) as Tensor3D, size);
        return { points: tf.squeeze(points, [0]) as Tensor2D, links: tf.add(half, tf.transpose(half)) as Tensor2D };
      }),
    dispose: () => disposeParameters(parameters),
  };
}

function firstParameters(options: PplOptions, seed: number, memory: PoseMemorySpec): Parameters {
  const shapes = new Map([
    ...keypointHeadShapes("pose", options),
    ...skipTranslatorShapes("decoder", options.decoderWidth, 1),
    ...poseMemoryShapes("memory", memory),
  ]);
  const first = initialValues(shapes, seed, (key) => (key === "pose.numbers.weight" ? FIRST_NUMBERS : 1));
  if (options.head === "attention")
    first.set("pose.numbers.bias", { dtype: "float32", shape: [6], data: Float32Array.of(1, 0, 0, 0, 1, 0) });
  first.set("alpha", { dtype: "float32", shape: [1], data: Float32Array.of(1) });
  return new Map([...parametersFromHost(first), ...createCodes("memory", memory, seed, options.memoryStart)]);
}

/** [B,N,2] (row, column) in [-1,1] as (x, y) in pixels. */
function toPixels(points: Tensor3D, size: number): Tensor3D {
  return tf.tidy(() => tf.mul(tf.add(tf.reverse(points, 2), 1), (size - 1) / 2) as Tensor3D);
}
