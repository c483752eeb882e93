/** @file The freeing reverse pass against tfjs's own. */
import { beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor, tf } from "../../../src/engine/tf.ts";
import { reverseGradients } from "../../../src/nn/reverse-pass.ts";
import { isRecording, stopGradient } from "../../../src/nn/stop-gradient.ts";
import { expectClose } from "../../support/matchers.ts";

beforeAll(() => startEngine());

const a = () => tf.tensor2d([1, -2, 3, 0.5, 1.5, -1], [2, 3]);
const b = () => tf.tensor2d([0.3, 2, -1, 1, 0.2, -0.7], [3, 2]);

describe("reverseGradients", () => {
  const cases: Record<string, (x: Tensor, y: Tensor) => Tensor> = {
    "a chain": (x, y) => tf.sum(tf.sigmoid(tf.matMul(x, y))),
    "values used several times": (x, y) => {
      const p = tf.matMul(x, y);
      return tf.sum(tf.add(tf.mul(p, p), tf.mul(tf.sum(p), tf.square(p))));
    },
    "one tensor as both operands": (x, y) => tf.sum(tf.add(tf.mul(x, x), tf.sum(tf.add(y, y)))),
    "results with several parts, one unused": (x, y) => {
      const [left] = tf.split(tf.concat([tf.mul(x, tf.transpose(y)), x], 0), 2, 0) as [Tensor, Tensor];
      return tf.sum(tf.mul(left, tf.cos(tf.clone(left))));
    },
    "a custom gradient that hands on what it got": (x, y) => {
      const same = tf.customGrad((...args: unknown[]) => {
        const [p, q] = args as [Tensor, Tensor];
        return { value: tf.add(p, q), gradFunc: (dy: Tensor) => [dy, dy] };
      });
      return tf.sum(tf.square(same(tf.square(x), tf.square(tf.transpose(y)))));
    },
    "a part cut out": (x, y) => {
      const product = tf.mul(x, tf.transpose(y));
      return tf.sum(
        tf.mul(
          tf.add(x, tf.square(product)),
          stopGradient(() => tf.exp(product)),
        ),
      );
    },
  };

  for (const [name, f] of Object.entries(cases)) {
    it(`agrees with tfjs: ${name}`, () => {
      const xs = [a(), b()] as const;
      const expected = tf.grads((x: Tensor, y: Tensor) => f(x, y) as tf.Scalar)([...xs]);
      const before = tf.memory().numTensors;
      const { value, gradients } = reverseGradients(() => f(...xs) as tf.Scalar, xs);
      expect(tf.memory().numTensors - before).toBe(1 + gradients.filter(Boolean).length);
      expectClose(value, [f(...xs).dataSync()[0]!]);
      gradients.forEach((gradient, i) => {
        if (gradient) expectClose(gradient, expected[i]!.dataSync());
        else expectClose(expected[i]!, new Float32Array(6));
      });
      expect(isRecording()).toBe(false);
    });
  }

  it("says undefined for what plays no part, and throws where nothing does", () => {
    const xs = [a(), b()];
    const { gradients } = reverseGradients(() => tf.sum(tf.square(xs[0]!)) as tf.Scalar, xs);
    expectClose(gradients[0]!, [2, -4, 6, 1, 3, -2]);
    expect(gradients[1]).toBeUndefined();
    expect(() => reverseGradients(() => tf.scalar(1), xs)).toThrow(/expected a scalar that depends/);
  });

  it("frees everything when it fails, forwards or backwards", () => {
    const xs = [a()];
    const before = tf.memory().numTensors;
    const broken = tf.customGrad((x: unknown) => ({
      value: tf.square(x as Tensor),
      gradFunc: () => {
        throw new Error("no gradient here");
      },
    }));
    expect(() => reverseGradients(() => tf.sum(tf.exp(broken(tf.sin(xs[0]!)))) as tf.Scalar, xs)).toThrow(
      /no gradient/,
    );
    const stop = () => {
      throw new Error("stop");
    };
    expect(() => reverseGradients(() => [tf.sum(tf.exp(xs[0]!)), stop()][0] as tf.Scalar, xs)).toThrow(/stop/);
    const nested = () => reverseGradients(() => tf.sum(xs[0]!) as tf.Scalar, xs).value;
    expect(() => reverseGradients(nested, xs)).toThrow(/no gradient being recorded/);
    expect(tf.memory().numTensors).toBe(before);
    expect(isRecording()).toBe(false);
  });
});
