/** @file Batch normalisation with given moments, and local response normalisation. */
import { aten, type Handle } from "../native.ts";
import type { KernelCall, KernelTable } from "./kernel.ts";

const rsqrt = aten("rsqrt");
const add = aten("add.Tensor");
const addScalar = aten("add.Scalar");
const mul = aten("mul.Tensor");
const mulScalar = aten("mul.Scalar");
const sub = aten("sub.Tensor");
const pow = aten("pow.Tensor_Scalar");
const padNd = aten("constant_pad_nd");
const unfold = aten("unfold");
const sum = aten("sum.dim_IntList");

/** For every channel the sum over itself and `radius` neighbours on both sides. */
function neighbourSum(x: Handle, radius: number): Handle {
  return sum(unfold(padNd(x, [radius, radius], 0), -1, 2 * radius + 1, 1), [-1], false, null);
}

/** bias + alpha * sum of squares over the neighbourhood, which `LRN` raises to -beta. */
function responseNorm(call: KernelCall): Handle {
  const x = call.handle("x");
  const squares = neighbourSum(mul(x, x), call.attr<number>("depthRadius"));
  return addScalar(mulScalar(squares, call.attr<number>("alpha")), call.attr<number>("bias"), 1);
}

export const normalisationKernels: KernelTable = {
  FusedBatchNorm: (call) => {
    // y = (x - mean) * scale / sqrt(variance + epsilon) + offset
    let factor = rsqrt(addScalar(call.handle("variance"), call.attr<number>("varianceEpsilon"), 1));
    if (call.inputs["scale"]) factor = mul(factor, call.handle("scale"));
    let shift = mul(call.handle("mean"), factor);
    if (call.inputs["offset"]) {
      shift = sub(call.handle("offset"), shift, 1);
      return call.give(add(mul(call.handle("x"), factor), shift, 1), "float32");
    }
    return call.give(sub(mul(call.handle("x"), factor), shift, 1), "float32");
  },
  LRN: (call) => {
    const y = mul(call.handle("x"), pow(responseNorm(call), -call.attr<number>("beta")));
    return call.give(y, "float32");
  },
  LRNGrad: (call) => {
    // With n the response norm: dx = dy n^-beta - 2 alpha beta x * (neighbour sum of dy x n^(-beta - 1)).
    const [x, dy] = [call.handle("x"), call.handle("dy")];
    const beta = call.attr<number>("beta");
    const norm = responseNorm(call);
    const through = neighbourSum(mul(mul(dy, x), pow(norm, -beta - 1)), call.attr<number>("depthRadius"));
    const dx = sub(mul(dy, pow(norm, -beta)), mul(x, through), 2 * call.attr<number>("alpha") * beta);
    return call.give(dx, "float32");
  },
};
