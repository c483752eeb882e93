/** @file The Adam optimiser (Kingma & Ba 2015, algorithm 1), deterministic, with a state that can be saved. */
import { hasFused, runFused } from "../engine/custom.ts";
import { type Tensor, tf, type Variable } from "../engine/tf.ts";
import { FormatError } from "../errors.ts";
import type { HostTensor } from "../io/host-tensor.ts";
import { disposeParameters, type Parameters, parameter, parametersFromHost, parametersToHost } from "./parameters.ts";

export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

export interface Adam {
  /** Moves the parameters that have a gradient; `learningRate` replaces the one given at creation for this step. */
  step(parameters: Parameters, gradients: ReadonlyMap<string, Tensor>, learningRate?: number): void;
  /** Steps taken so far. */
  readonly steps: number;
  /** Moments as `first.<key>` and `second.<key>` (PyTorch layout) and `steps`. */
  state(): Promise<Map<string, HostTensor>>;
  /** Continues from a state; throws FormatError where it is not one. */
  restore(state: ReadonlyMap<string, HostTensor>, where?: string): void;
  dispose(): void;
}

/** A new optimiser with zero moments. Restored from `state()`, it goes on exactly as the original would have. */
export function createAdam({ learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamOptions): Adam {
  const first: Parameters = new Map();
  const second: Parameters = new Map();
  let steps = 0;

  function step(parameters: Parameters, gradients: ReadonlyMap<string, Tensor>, rate = learningRate): void {
    steps++;
    const correction = Math.sqrt(1 - beta2 ** steps);
    const scale = (rate * correction) / (1 - beta1 ** steps);
    const move = hasFused("adam") ? moveFused : moveComposed;
    for (const [key, gradient] of gradients) {
      const state = [parameter(parameters, key), moment(first, key, gradient), moment(second, key, gradient)] as const;
      tf.tidy(() => {
        const moved = move(...state, gradient, { rate: scale, floor: epsilon * correction, beta1, beta2 });
        state.forEach((variable, i) => variable.assign(moved[i]!));
      });
    }
  }

  async function state(): Promise<Map<string, HostTensor>> {
    const tensors = new Map<string, Tensor>();
    for (const [key, value] of first) tensors.set(`first.${key}`, value);
    for (const [key, value] of second) tensors.set(`second.${key}`, value);
    const result = await parametersToHost(tensors);
    return result.set("steps", { dtype: "float32", shape: [1], data: new Float32Array([steps]) });
  }

  function restore(saved: ReadonlyMap<string, HostTensor>, where = "optimiser state"): void {
    const count = Number(saved.get("steps")?.data[0] ?? Number.NaN);
    const known = [...saved.keys()].every((key) => key === "steps" || /^(first|second)\./.test(key));
    if (!Number.isInteger(count) || !known)
      throw new FormatError(where, "expected the state of an Adam optimiser, got other tensors");
    dispose();
    steps = count;
    restoreMoments(saved, "first.", first);
    restoreMoments(saved, "second.", second);
  }

  function dispose(): void {
    disposeParameters(first);
    disposeParameters(second);
  }

  return {
    step,
    state,
    restore,
    dispose,
    get steps() {
      return steps;
    },
  };
}

/** `rate` and `floor` hold the correction for the moments' start at zero. */
interface Numbers extends Record<string, number> {
  readonly rate: number;
  readonly floor: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** The parameter after a step, and the two moments. */
function moveComposed(x: Tensor, m: Tensor, v: Tensor, gradient: Tensor, numbers: Numbers): Tensor[] {
  const { rate, floor, beta1, beta2 } = numbers;
  const first = tf.add(m, tf.mul(tf.sub(gradient, m), 1 - beta1));
  const second = tf.add(v, tf.mul(tf.sub(tf.square(gradient), v), 1 - beta2));
  return [tf.sub(x, tf.mul(tf.div(first, tf.add(tf.sqrt(second), floor)), rate)), first, second];
}

function moveFused(x: Tensor, m: Tensor, v: Tensor, gradient: Tensor, numbers: Numbers): Tensor[] {
  return runFused("adam", { parameter: x, gradient, first: m, second: v }, numbers);
}

function moment(moments: Parameters, key: string, like: Tensor): Variable {
  const found = moments.get(key);
  if (found) return found;
  const made = tf.tidy(() => tf.variable(tf.zerosLike(like), false));
  moments.set(key, made);
  return made;
}

function restoreMoments(saved: ReadonlyMap<string, HostTensor>, prefix: string, moments: Parameters): void {
  const own = [...saved].filter(([key]) => key.startsWith(prefix));
  const made = parametersFromHost(new Map(own.map(([key, host]) => [key.slice(prefix.length), host])));
  for (const [key, value] of made) moments.set(key, value);
}
