/** @file Perceptual differences of pictures: distances between the feature maps of a frozen network (Johnson et al. 2016). */
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";
import { OptionError } from "../src/errors.ts";
import { readPyTorch } from "../src/io/pytorch.ts";
import { conv2d } from "../src/nn/layers.ts";
import { disposeParameters, matchParameters, type Parameters, parametersFromHost } from "../src/nn/parameters.ts";
import { stopGradient } from "../src/nn/stop-gradient.ts";
import { addConv, type Shapes } from "./nets/blocks.ts";

/** Feature maps of RGB images [B,H,W,3] in 0..1; differentiable, and with weights that no optimiser moves. */
export type FeatureFunction = (images: Tensor4D) => readonly Tensor4D[];

/** The sum over feature maps of the mean absolute difference. No gradient flows into `target`. */
export function perceptualLoss(features: FeatureFunction, images: Tensor4D, target: Tensor4D): tf.Scalar {
  return tf.tidy(() => {
    const own = features(images);
    const wanted = features(stopGradient(() => tf.clone(target)));
    return tf.addN(own.map((map, i) => tf.mean(tf.abs(tf.sub(map, wanted[i]!))))) as tf.Scalar;
  });
}

/** A VGG network (Simonyan and Zisserman 2015) cut after some rectifiers. */
interface VggSpec {
  /** torchvision's `features.N` in order: channels of a convolution, or "pool". The rectifier after each is implied. */
  readonly layers: readonly (number | "pool")[];
  /** How many of `layers` have run where a feature map is taken. */
  readonly taps: readonly number[];
  /** Side that pictures are resized to first, where they are. */
  readonly size?: number;
}

/**
 * `vgg19-relu3_2` is what Schmidtke et al. 2021 and Yoo and Russakovsky 2023 compare; `vgg16-4` (relu1_2, 2_2, 3_3 and
 * 4_3 of pictures resized to 224) is what He et al. 2022 and the released Pose Prior Learner do.
 */
export const VGG_CHOICES = ["vgg19-relu3_2", "vgg16-4"] as const;
export type VggChoice = (typeof VGG_CHOICES)[number];

const VGG: Readonly<Record<VggChoice, VggSpec>> = {
  "vgg19-relu3_2": { layers: [64, 64, "pool", 128, 128, "pool", 256, 256], taps: [8] },
  "vgg16-4": {
    layers: [64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512],
    taps: [2, 5, 9, 13],
    size: 224,
  },
};

/** A frozen feature network. */
export interface LoadedFeatures {
  readonly features: FeatureFunction;
  dispose(): void;
}

/** Statistics of the pictures that torchvision's networks were trained on. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] } as const;

/**
 * A VGG's features from torchvision's weight file for it (`vgg19-*.pth`, `vgg16-*.pth`; the classifier is not read into
 * the network). Throws FormatError where the file lacks a layer, OptionError for an unknown choice.
 */
export async function loadVgg(path: string, choice: VggChoice): Promise<LoadedFeatures> {
  const spec = Object.hasOwn(VGG, choice) ? VGG[choice] : undefined;
  if (!spec) throw new OptionError("perceptual", `expected one of ${VGG_CHOICES.join(", ")}, got "${choice}"`);
  const shapes = vggShapes(spec);
  const { tensors } = await readPyTorch(path);
  const needed = new Map([...tensors].filter(([key]) => shapes.has(key)));
  const parameters = parametersFromHost(matchParameters(path, shapes, needed));
  return {
    features: (images) => vggFeatures(parameters, spec, images),
    dispose: () => disposeParameters(parameters),
  };
}

/** torchvision's index of every layer: a rectifier follows each convolution. */
function places({ layers }: VggSpec): number[] {
  let next = 0;
  return layers.map((layer) => {
    const own = next;
    next += layer === "pool" ? 1 : 2;
    return own;
  });
}

function vggShapes(spec: VggSpec): Shapes {
  const shapes: Shapes = new Map();
  let channels = 3;
  const index = places(spec);
  for (const [i, layer] of spec.layers.entries()) {
    if (layer === "pool") continue;
    addConv(shapes, `features.${index[i]}`, channels, layer);
    channels = layer;
  }
  return shapes;
}

function vggFeatures(parameters: Parameters, spec: VggSpec, images: Tensor4D): Tensor4D[] {
  return tf.tidy(() => {
    const sized = spec.size ? resizeSmooth(images, spec.size) : images;
    let x = tf.div(tf.sub(sized, tf.tensor1d([...IMAGENET.mean])), tf.tensor1d([...IMAGENET.deviation])) as Tensor4D;
    const index = places(spec);
    const maps: Tensor4D[] = [];
    for (const [i, layer] of spec.layers.entries()) {
      x =
        layer === "pool"
          ? tf.maxPool(x, 2, 2, "valid")
          : conv2d(parameters, `features.${index[i]}`, x, { activation: "relu" });
      if (spec.taps.includes(i + 1)) maps.push(x);
    }
    return maps;
  });
}

/** Images resized to size x size, bilinear with pixel centres at halves, as products with constant matrices: exact gradients on all engines. */
export function resizeSmooth(images: Tensor4D, size: number): Tensor4D {
  const [batch, height, width, channels] = images.shape;
  if (height === size && width === size) return images;
  return tf.tidy(() => {
    const rows = tf.tile(tf.expandDims(interpolation(height, size), 0), [batch, 1, 1]) as Tensor;
    const tall = tf.matMul(rows, tf.reshape(images, [batch, height, width * channels]));
    const lines = tf.reshape(tall, [batch * size, width, channels]) as Tensor3D;
    const columns = tf.tile(tf.expandDims(interpolation(width, size), 0), [batch * size, 1, 1]) as Tensor;
    return tf.reshape(tf.matMul(columns, lines), [batch, size, size, channels]) as Tensor4D;
  });
}

function interpolation(from: number, to: number): Tensor {
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(at);
    weights[i * from + low]! += 1 - (at - low);
    weights[i * from + Math.min(from - 1, low + 1)]! += at - low;
  }
  return tf.tensor2d(weights, [to, from]);
}
