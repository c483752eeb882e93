/** @file Matrix products. */
import type { DataType } from "@tensorflow/tfjs-core";
import { tf } from "../../tf.ts";
import { aten, type Handle, isOnDevice } from "../native.ts";
import { asFloat, asFloating, type KernelCall, type KernelTable, SCALAR_TYPE } from "./kernel.ts";

const matmul = aten("matmul");
const toDtype = aten("to.dtype");
const transpose = aten("transpose.int");
const add = aten("add.Tensor");
const addmm = aten("addmm");
const einsum = aten("einsum");
const relu = aten("relu");
const sigmoid = aten("sigmoid");
const clamp = aten("clamp");
const elu = aten("elu");
const leakyRelu = aten("leaky_relu");
const where = aten("where.self");
const less = aten("lt.Scalar");
const mul = aten("mul.Tensor");

/** The two factors as matrices to multiply, and the dtype of the product. */
function operands(call: KernelCall): { a: Handle; b: Handle; dtype: DataType } {
  const dtype = tf.upcastType(call.input("a").dtype, call.input("b").dtype);
  const operand = (name: "a" | "b", flag: "transposeA" | "transposeB"): Handle => {
    if (call.input(name).shape.length < 2) throw new Error(`${name} must have rank 2 or more`);
    const x = call.input(name).dtype === dtype ? call.handle(name) : asFloat(call, name);
    // CUDA multiplies no matrices of whole numbers; in float64 their sums are exact up to 2^53.
    const whole = isOnDevice() && (dtype === "int32" || dtype === "bool");
    const factor = whole ? toDtype(x, SCALAR_TYPE.float64, false, false, null) : x;
    return call.attr<boolean>(flag) ? transpose(factor, -2, -1) : factor;
  };
  return { a: operand("a", "transposeA"), b: operand("b", "transposeB"), dtype };
}

/** Applies the activation of a fused kernel; `weights` gives the input that PReLU multiplies with, in the layout of `x`. */
export function activate(
  call: KernelCall,
  x: Handle,
  weights = (from: KernelCall, name: string): Handle => from.handle(name),
): Handle {
  const activation = call.attr<string | undefined>("activation") ?? "linear";
  switch (activation) {
    case "linear":
      return x;
    case "relu":
      return relu(x);
    case "relu6":
      return clamp(x, 0, 6);
    case "elu":
      return elu(x, 1, 1, 1);
    case "sigmoid":
      return sigmoid(x);
    case "leakyrelu":
      return leakyRelu(x, call.attr<number>("leakyreluAlpha"));
    case "prelu":
      return where(less(x, 0), mul(x, weights(call, "preluActivationWeights")), x);
    default:
      throw new Error(`unknown activation "${activation}"`);
  }
}

export const matmulKernels: KernelTable = {
  BatchMatMul: (call) => {
    const { a, b, dtype } = operands(call);
    return call.give(matmul(a, b), dtype);
  },
  _FusedMatMul: (call) => {
    const { a, b } = operands(call);
    const hasBias = call.inputs["bias"] != null;
    const isPlain = hasBias && call.input("a").shape.length === 2 && call.input("b").shape.length === 2;
    let y = isPlain ? addmm(call.handle("bias"), a, b, 1, 1) : matmul(a, b);
    if (!isPlain && hasBias) y = add(y, call.handle("bias"), 1);
    return call.give(activate(call, y), "float32");
  },
  Einsum: (call) => {
    const names = Object.keys(call.inputs);
    const equation = call.attr<string>("equation");
    // tfjs's own checks, so that what it refuses is refused alike here.
    const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, names.length);
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, names.map(call.input) as never);
    const dtype = call.input(names[0]!).dtype;
    return call.give(
      einsum(
        equation,
        names.map((name) => asFloating(call, name)[0]),
      ),
      dtype,
    );
  },
};
