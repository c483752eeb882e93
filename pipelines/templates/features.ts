/** @file The frozen features that reconstructions are compared by: VGG's from a file, or those of our own regressor. */
import { basename } from "node:path";
import { applyUnit, type ResidualUnit } from "../../smpl/backbones/residual-unit.ts";
import { loadRegressor } from "../../smpl/regressor.ts";
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { convBatchNorm } from "../../src/nn/batch-norm.ts";
import { maxPool3x3 } from "../../src/nn/layers.ts";
import { type LoadedFeatures, loadVgg, type VggChoice } from "../../templates/perceptual.ts";

/** Features, and a sentence for the log that says whose they are. */
export interface NamedFeatures extends LoadedFeatures {
  readonly name: string;
}

/** The features of torchvision's VGG in the file `vgg` where one is given, else those of the shipped regressor. */
export async function openFeatures(vgg: string | undefined, layers: VggChoice): Promise<NamedFeatures> {
  if (vgg !== undefined) return { ...(await loadVgg(vgg, layers)), name: `${layers} of ${basename(vgg)}` };
  return ownFeatures();
}

/**
 * Three feature maps of the shipped regressor's ResNet-18: after its first convolution (1/2 of the picture's side), its
 * first stage (1/4) and its second (1/8). They have seen synthetic people only, and stand in where VGG's weights are not
 * at hand.
 */
async function ownFeatures(): Promise<NamedFeatures> {
  const regressor = await loadRegressor("default");
  const { width, mean, std } = regressor.spec;
  const { parameters } = regressor;
  const stage = (x: Tensor4D, number: 1 | 2): Tensor4D => {
    const to = width * number;
    const unit = (index: 0 | 1): ResidualUnit => {
      const isFirst = index === 0 && number === 2;
      const [from, stride] = isFirst ? [width, 2] : [to, 1];
      return { kind: "basic", key: `layer${number}.${index}`, from, inner: to, to, stride };
    };
    return applyUnit(parameters, unit(1), applyUnit(parameters, unit(0), x, "frozen"), "frozen");
  };
  return {
    name: "the shipped regressor's, which have seen synthetic people only; --vgg gives the published ones",
    features: (images) =>
      tf.tidy(() => {
        const seen = tf.div(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d([...std])) as Tensor4D;
        const stem = convBatchNorm(parameters, "conv1", "bn1", seen, "frozen", { stride: 2, activation: "relu" });
        const first = stage(maxPool3x3(stem), 1);
        return [stem, first, stage(first, 2)];
      }),
    dispose: () => regressor.dispose(),
  };
}
