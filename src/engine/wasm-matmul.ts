/** @file Matrix products of the portable engine: everything large is brought to the one form that XNNPACK takes. */
import type { KernelFunc } from "@tensorflow/tfjs-core";
import { type Tensor, type Tensor3D, tf } from "./tf.ts";

// Below so many multiplications the plain loop is as fast as the copies that the other way needs.
const LARGE = 30_000;

/**
 * BatchMatMul of tfjs-backend-wasm with its slow cases taken apart: it hands one untransposed product to XNNPACK and
 * loops over everything else, some ten times slower.
 */
export function batchMatMulThrough(original: KernelFunc): KernelFunc {
  return (call) => {
    const [a, b] = [call.inputs["a"], call.inputs["b"]] as unknown as [Tensor3D, Tensor3D];
    const { transposeA, transposeB } = call.attrs as unknown as { transposeA: boolean; transposeB: boolean };
    if (a.shape.length !== 3 || b.shape.length !== 3) return original(call);
    const [rows, inner] = transposeA ? [a.shape[2], a.shape[1]] : [a.shape[1], a.shape[2]];
    const columns = transposeB ? b.shape[1] : b.shape[2];
    const batch = Math.max(a.shape[0], b.shape[0]);
    const isPlain = batch === 1 && !transposeA && !transposeB;
    const fits = inner === (transposeB ? b.shape[2] : b.shape[1]);
    if (isPlain || !fits || rows * inner * columns < LARGE) return original(call);
    return tf.tidy(() => {
      const upright = (x: Tensor3D, turned: boolean) => (turned ? (tf.transpose(x, [0, 2, 1]) as Tensor3D) : x);
      const [left, right] = [upright(a, transposeA), upright(b, transposeB)];
      const part = (x: Tensor3D, i: number) =>
        x.shape[0] === 1 ? x : tf.slice(x, [i, 0, 0], [1, x.shape[1], x.shape[2]]);
      const product = (i: number) =>
        tf
          .engine()
          .runKernel(
            "BatchMatMul",
            { a: part(left, i), b: part(right, i) },
            { transposeA: false, transposeB: false },
          ) as Tensor;
      return batch === 1
        ? product(0)
        : tf.concat(
            Array.from({ length: batch }, (_, i) => product(i)),
            0,
          );
    });
  };
}
