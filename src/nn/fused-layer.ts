/** @file Convolution, batch norm with stored statistics, residual and relu as one kernel, on engines that have it. */
import { runFused } from "../engine/custom.ts";
import { type Tensor, type Tensor4D, tf } from "../engine/tf.ts";

/** What a layer consists of. */
export interface LayerTensors {
  /** [kh,kw,C,O] */
  readonly weight: Tensor;
  /** [O] */
  readonly bias?: Tensor | undefined;
  /** [O] each. Gradients reach gamma and beta. */
  readonly norm?: Readonly<Record<"gamma" | "beta" | "mean" | "variance", Tensor>> | undefined;
  /** [B,H',W',O], added before the activation. */
  readonly residual?: Tensor4D | undefined;
}

export interface LayerGeometry {
  readonly stride: number;
  /** Zeros added on each side: rows, columns. */
  readonly padding: readonly [number, number];
  readonly relu: boolean;
  /** Of the batch norm. */
  readonly epsilon?: number;
  /** No gradient is wanted for x, which saves its computation. */
  readonly constantInput?: boolean;
}

/** activation(norm(x * weight + bias) + residual), [B,H',W',O], for x [B,H,W,C]. Differentiable but for the norm's mean and variance. */
export function fusedLayer(x: Tensor4D, tensors: LayerTensors, geometry: LayerGeometry): Tensor4D {
  const { weight, bias, norm, residual } = tensors;
  const { stride, padding, epsilon = 0, constantInput = false } = geometry;
  const attrs = { stride, padding: [...padding], epsilon };
  // In the order in which their gradients are handed back.
  const inputs: Record<string, Tensor> = {
    weight,
    ...(bias ? { bias } : {}),
    ...(norm ? { gamma: norm.gamma, beta: norm.beta } : {}),
    ...(residual ? { residual } : {}),
    ...(constantInput ? {} : { x }),
  };
  const constants = norm ? { mean: norm.mean, variance: norm.variance } : {};
  const names = Object.keys(inputs);
  const run = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const save = args.pop() as tf.GradSaveFunc;
    const all = { x, ...Object.fromEntries(names.map((name, i) => [name, args[i] as Tensor])), ...constants };
    const y = runFused("layer", all, { ...attrs, relu: geometry.relu ? 1 : 0 })[0] as Tensor;
    const kept = Object.entries(all).filter(([name]) => name !== "residual");
    save([...kept.map(([, tensor]) => tensor), ...(geometry.relu ? [y] : [])]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const layer = Object.fromEntries(kept.map(([name], i) => [name, saved[i]!]));
      const y = geometry.relu ? { y: saved.at(-1)! } : {};
      const wants = { wantsInput: constantInput ? 0 : 1, wantsResidual: residual ? 1 : 0 };
      return runFused("layerGradient", { ...layer, ...y, dy }, { ...attrs, ...wants });
    };
    return { value: y, gradFunc };
  });
  return run(...Object.values(inputs)) as Tensor4D;
}
