/** @file Matrix products. */
import { aten, type Handle } from "../native.ts";
import { asFloat, type KernelCall, type KernelTable } from "./kernel.ts";

const matmul = aten("matmul");
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

function operand(call: KernelCall, name: "a" | "b", flag: "transposeA" | "transposeB"): Handle {
  const x = asFloat(call, name);
  return call.attr<boolean>(flag) ? transpose(x, -2, -1) : x;
}

/** Applies the activation of a fused kernel. */
export function activate(call: KernelCall, x: Handle): Handle {
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
      return where(less(x, 0), mul(x, call.handle("preluActivationWeights")), x);
    default:
      throw new Error(`unknown activation "${activation}"`);
  }
}

export const matmulKernels: KernelTable = {
  BatchMatMul: (call) =>
    call.give(matmul(operand(call, "a", "transposeA"), operand(call, "b", "transposeB")), "float32"),
  _FusedMatMul: (call) => {
    const a = operand(call, "a", "transposeA");
    const b = operand(call, "b", "transposeB");
    const plain = call.inputs["bias"] && call.input("a").shape.length === 2 && call.input("b").shape.length === 2;
    let y = plain ? addmm(call.handle("bias"), a, b, 1, 1) : matmul(a, b);
    if (!plain && call.inputs["bias"]) y = add(y, call.handle("bias"), 1);
    return call.give(activate(call, y), "float32");
  },
  Einsum: (call) => {
    const handles = Object.keys(call.inputs).map((name) => asFloat(call, name));
    return call.give(einsum(call.attr<string>("equation"), handles), "float32");
  },
};
