/** @file The estimators that move a template of parts: options, network, losses and inference that their entries share. */
import { type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { OptionError } from "../src/errors.ts";
import type { BatchNormMode } from "../src/nn/batch-norm.ts";
import { initialValues } from "../src/nn/init.ts";
import { disposeParameters, parametersFromHost } from "../src/nn/parameters.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import type { OptionsOf, OptionTable } from "../src/options.ts";
import { transformPoints } from "./affine.ts";
import { bodyPlace, coarsely, placeChange, placeLoss } from "./body-place.ts";
import type { TemplateEstimator, TemplateLoss, TemplateSetting } from "./estimator.ts";
import { gaussianMaps, movedGaussianMaps } from "./gaussian-maps.ts";
import { partNumbers, partRegressorShapes } from "./nets/part-regressor.ts";
import { plainTranslation, plainTranslatorShapes } from "./nets/plain-translator.ts";
import { skipTranslation, skipTranslatorShapes } from "./nets/skip-translator.ts";
import { anchorBoundaryLoss, anchorLoss, jointsFromAnchors, stiffnessLoss } from "./part-losses.ts";
import { BODY_NUMBERS, moveNumbers, type PartMoves, partMoves } from "./part-moves.ts";
import { loadTemplate, type PartTemplate, templateJoints } from "./part-template.ts";
import { IMAGENET } from "./perceptual.ts";
import { fromNetwork, reconstructionLoss, toNetwork } from "./picture-scale.ts";
import { covered, silhouetteLoss } from "./silhouettes.ts";
import { warpMaps } from "./warp.ts";

/** Where the options of the entries differ. */
interface PartDefaults {
  readonly template: string;
  readonly steps: "one" | "two";
}

/** The table of options with an entry's defaults. */
export function partOptions({ template, steps }: PartDefaults) {
  return {
    size: {
      kind: "integer",
      default: 32,
      min: 32,
      max: 512,
      doc: "side of the pictures in pixels, 4 times a power of two; 256 as published, less is faster",
    },
    width: {
      kind: "integer",
      default: 16,
      min: 2,
      max: 64,
      doc: "channels of the networks at full size; 32 as published, fewer are faster",
    },
    template: {
      kind: "text",
      value: "NAME|FILE",
      default: template,
      doc: "part template: arms-out and arms-down as published, standing with people's proportions, or a file",
    },
    steps: {
      kind: "choice",
      choices: ["one", "two"],
      default: steps,
      doc: "whether parts move once, or arms first as a whole and then in pieces",
    },
    matrices: {
      kind: "choice",
      choices: ["free", "constrained", "rigid"],
      default: "free",
      doc: "whether parts move by any affine map, by turns and one scale added to the identity as published, or by these alone",
    },
    body: {
      kind: "choice",
      choices: ["still", "moves"],
      default: "moves",
      doc: "whether parts move only by themselves as published, or their body is turned, stretched and put elsewhere as a whole, too",
    },
    pivot: {
      kind: "choice",
      choices: ["corner", "joint"],
      default: "joint",
      doc: "whether parts turn about the picture's corner as published, or about their own joints, which is easier to learn",
    },
    warp: {
      kind: "choice",
      choices: ["resample", "exact"],
      default: "exact",
      doc: "whether parts are moved by resampling their pictures as published, or drawn where they move to, which is faster",
    },
    perceptualWeight: {
      kind: "number",
      default: 0,
      min: 0,
      doc: "weight of the perceptual difference of pictures; 1 as published, and needed where no camera stands still",
    },
    pixelWeight: {
      kind: "number",
      default: 0,
      min: 0,
      doc: "weight of the squared difference of pixels; 1 as published for hpe",
    },
    anchorWeight: {
      kind: "number",
      default: 20,
      min: 0,
      doc: "weight of the distance between joined anchors; 0.5 as published",
    },
    boundaryWeight: { kind: "number", default: 1, min: 0, doc: "weight of anchors outside the picture" },
    stiffnessWeight: {
      kind: "number",
      default: 100,
      min: 0,
      doc: "weight of parts' own turns and stretches; 0 as published",
    },
    silhouetteWeight: {
      kind: "number",
      default: 1,
      min: 0,
      doc: "weight of the difference between the parts and what stands out from a still background; 0 as published",
    },
    placeWeight: {
      kind: "number",
      default: 3,
      min: 0,
      doc: "weight of the difference between where a body is taken to be and what stands out; counts where bodies move",
    },
    decoder: {
      kind: "choice",
      choices: ["plain", "skip"],
      default: "plain",
      doc: "network that reconstructs: without skips as published, or with them, which copies backgrounds",
    },
    decoderWidth: {
      kind: "integer",
      default: 8,
      min: 2,
      max: 64,
      doc: "channels of the reconstructing network at full size; 32 as published",
    },
    lossScale: {
      kind: "choice",
      choices: ["code", "paper"],
      default: "code",
      doc: "scale of the anchor and boundary losses: the released code's, which the weights go with, or the paper's",
    },
  } as const satisfies OptionTable;
}
export type PartOptions = OptionsOf<ReturnType<typeof partOptions>>;

/** What the published experiments use where our defaults differ. */
export const PUBLISHED_PARTS = {
  size: 256,
  width: 32,
  decoderWidth: 32,
  decoder: "plain",
  body: "still",
  pivot: "corner",
  warp: "resample",
  perceptualWeight: 1,
  anchorWeight: 0.5,
  stiffnessWeight: 0,
  silhouetteWeight: 0,
} as const;

/** Deviation of the first numbers, as a share of the picture and of a turn: parts begin near their places. */
const FIRST_NUMBERS = 0.02;

/** A new estimator that moves `options.template`. Throws OptionError for a size that the networks cannot have. */
export function createPartEstimator(options: PartOptions, { seed = 0, features }: TemplateSetting): TemplateEstimator {
  const { size, width } = options;
  if (!Number.isInteger(Math.log2(size / 4)))
    throw new OptionError("template", `size must be 4 times a power of two, got ${size}`);
  const template = loadTemplate(options.template);
  const decoder = DECODERS[options.decoder];
  const isPlacing = options.body === "moves";
  const spec = { size, width, outputs: moveNumbers(template, options), isPlacing };
  const shapes = new Map([
    ...partRegressorShapes("pose", spec),
    ...decoder.shapes("decoder", options.decoderWidth, template.parts.length),
  ]);
  const first = initialValues(shapes, seed, (key) => (key === "pose.numbers.weight" ? FIRST_NUMBERS : 1));
  const parameters = parametersFromHost(first);

  /** Where the untouched template is on the coarse map. */
  const home = () => bodyPlace(coarsely(covered(gaussianMaps(template, size))));
  const move = (images: Tensor4D, mode: BatchNormMode): PartMoves & { readonly place?: Tensor4D } => {
    const { numbers, place } = partNumbers(parameters, "pose", spec, toNetwork(images, IMAGENET), mode);
    if (!place) return partMoves(numbers, template, size, options);
    const { shift, stretch } = placeChange(home(), bodyPlace(tf.sigmoid(place)));
    const own = tf.zeros([images.shape[0], spec.outputs - BODY_NUMBERS + 1]);
    const placed = tf.add(numbers, tf.concat([own, stretch, shift], 1)) as Tensor2D;
    return { ...partMoves(placed, template, size, options), place };
  };
  const shapesOf = (moves: PartMoves): Tensor4D =>
    options.warp === "exact"
      ? movedGaussianMaps(template, size, moves.reached.at(-1)!)
      : moves.steps.reduce<Tensor4D>(
          (maps, matrices) => warpMaps(maps, matrices),
          stopGradient(() => gaussianMaps(template, size)),
        );
  const decode = (references: Tensor4D, maps: Tensor4D, mode: BatchNormMode) =>
    decoder.translation(parameters, "decoder", toNetwork(references, IMAGENET), maps, mode);

  return {
    size,
    jointNames: template.joints.map(({ name }) => name),
    parameters,
    loss: ({ images, references, backgrounds }) =>
      tf.tidy((): TemplateLoss & tf.TensorContainerObject => {
        const moves = move(images, "batch");
        const shapes = shapesOf(moves);
        const { sum, terms } = reconstructionLoss(
          () => decode(references, shapes, "batch"),
          images,
          IMAGENET,
          options,
          features,
        );
        const silhouette = silhouetteLoss(shapes, images, backgrounds, options.silhouetteWeight);
        const place = moves.place ? placeLoss(moves.place, images, backgrounds) : tf.scalar(0);
        const stiffness = tf.addN(moves.own.map(stiffnessLoss)) as tf.Scalar;
        const reached = moves.reached.map((matrices) => movedAnchors(template, size, matrices));
        const summed = (loss: (anchors: Tensor3D) => tf.Scalar) => tf.addN(reached.map(loss)) as tf.Scalar;
        const anchor = summed((anchors) => anchorLoss(anchors, template, size, options.lossScale));
        const boundary = summed((anchors) => anchorBoundaryLoss(anchors, size, options.lossScale));
        const kept = tf.addN([
          tf.mul(anchor, options.anchorWeight),
          tf.mul(boundary, options.boundaryWeight),
          tf.mul(stiffness, options.stiffnessWeight),
          tf.mul(silhouette, options.silhouetteWeight),
          tf.mul(place, options.placeWeight),
        ]);
        return { ...terms, silhouette, place, stiffness, anchor, boundary, total: tf.add(sum, kept) };
      }),
    infer: (images) =>
      tf.tidy(() => {
        const anchors = movedAnchors(template, size, move(images, "frozen").reached.at(-1)!);
        return { keypoints: jointsFromAnchors(anchors, template), anchors };
      }),
    draw: ({ images, references }) =>
      tf.tidy(() => {
        const shapes = shapesOf(move(images, "frozen"));
        if (options.perceptualWeight + options.pixelWeight === 0) return { shapes };
        const made = fromNetwork(decode(references, shapes, "frozen"), IMAGENET);
        return { reconstruction: tf.clipByValue(made, 0, 1), shapes };
      }),
    prior: () => ({ points: tf.tensor2d(templateJoints(template, size)) }),
    dispose: () => disposeParameters(parameters),
  };
}

const DECODERS = {
  plain: { shapes: plainTranslatorShapes, translation: plainTranslation },
  skip: { shapes: skipTranslatorShapes, translation: skipTranslation },
} as const;

function movedAnchors(template: PartTemplate, size: number, matrices: Tensor4D): Tensor3D {
  const scale = size / template.canvas;
  const points = template.anchors.map(({ point: [x, y] }) => [scale * x, scale * y] as const);
  return transformPoints(matrices, points, template.anchors.map(({ part }) => part)); // biome-ignore format: one thought
}
