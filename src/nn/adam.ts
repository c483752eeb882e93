/** @file The Adam optimiser (Kingma & Ba 2015, algorithm 1), deterministic, with a state that can be saved. */
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
    tf.tidy(() => {
      const scale = tf.scalar((rate * correction) / (1 - beta1 ** steps));
      const floor = tf.scalar(epsilon * correction);
      const keep1 = tf.scalar(1 - beta1);
      const keep2 = tf.scalar(1 - beta2);
      for (const [key, gradient] of gradients) {
        const m = moment(first, key, gradient);
        const v = moment(second, key, gradient);
        const variable = parameter(parameters, key);
        tf.tidy(() => {
          m.assign(tf.add(m, tf.mul(tf.sub(gradient, m), keep1)));
          v.assign(tf.add(v, tf.mul(tf.sub(tf.square(gradient), v), keep2)));
          variable.assign(tf.sub(variable, tf.mul(tf.div(m, tf.add(tf.sqrt(v), floor)), scale)));
        });
      }
    });
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
