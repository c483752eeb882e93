/** @file Kernels that work element by element. */
import type { DataType } from "@tensorflow/tfjs-core";
import { aten } from "../native.ts";
import { asFloat, asFloating, isComplex, type Kernel, type KernelTable, scalarTypeOf } from "./kernel.ts";

/** A function of one argument, `x`, on float32 and complex64; integers are converted first. */
const unary = (name: string): Kernel => {
  const op = aten(name);
  return (call) => {
    const [x, dtype] = asFloating(call, "x");
    return call.give(op(x), dtype);
  };
};
/** The same, keeping the dtype of `x`. */
const keeping = (name: string): Kernel => {
  const op = aten(name);
  return (call) => call.give(op(call.handle("x")), call.input("x").dtype);
};
const binary = (name: string, dtype?: DataType): Kernel => {
  const op = aten(name);
  return (call) => call.give(op(call.handle("a"), call.handle("b")), dtype ?? call.input("a").dtype);
};
const scaled = (name: string): Kernel => {
  const op = aten(name);
  return (call) => call.give(op(call.handle("a"), call.handle("b"), 1), call.input("a").dtype);
};

const sum = scaled("add.Tensor");
const clamp = aten("clamp");
const ceil = aten("ceil");
const toDtype = aten("to.dtype");
const where = aten("where.self");
const chosen = aten("where.Scalar");
const real = aten("real");
const alias = aten("alias");
const relu = aten("relu");
const leakyRelu = aten("leaky_relu");
const sub = aten("sub.Tensor");
const add = aten("add.Tensor");
const mul = aten("mul.Tensor");
const addScalar = aten("add.Scalar");
const full = aten("full");
const zerosLike = aten("zeros_like");
const onesLike = aten("ones_like");
const div = aten("div.Tensor");
const floorDivide = aten("div.Tensor_mode");
const reshape = aten("reshape");
const elu = aten("elu");
const less = aten("lt.Scalar");
const softplus = aten("softplus");
const greaterScalar = aten("gt.Scalar");
const finite = aten("isfinite");
const isInf = aten("isinf");
const isNan = aten("isnan");
const bitwiseAnd = aten("bitwise_and.Tensor");
const logicalNot = aten("logical_not");

const SELU_SCALE = 1.0507009873554805;
const SELU_ALPHA = 1.6732632423543772;

/** The input itself, held once more: no other tensor is made. */
const shared: Kernel = (call) => {
  const { dataId, shape, dtype } = call.input("x");
  call.backend.incRef(dataId);
  return { dataId, shape, dtype };
};

export const elementwiseKernels: KernelTable = {
  Abs: keeping("abs"),
  Acos: unary("acos"),
  Acosh: unary("acosh"),
  Asin: unary("asin"),
  Asinh: unary("asinh"),
  Atan: unary("atan"),
  Atanh: unary("atanh"),
  Ceil: keeping("ceil"),
  Cos: unary("cos"),
  Cosh: unary("cosh"),
  Erf: unary("erf"),
  Exp: unary("exp"),
  Expm1: unary("expm1"),
  Floor: keeping("floor"),
  Log: unary("log"),
  Log1p: unary("log1p"),
  Neg: keeping("neg"),
  Reciprocal: unary("reciprocal"),
  Round: keeping("round"),
  Rsqrt: unary("rsqrt"),
  Sigmoid: unary("sigmoid"),
  Sign: keeping("sign"),
  Sin: unary("sin"),
  Sinh: unary("sinh"),
  Sqrt: unary("sqrt"),
  Square: (call) => call.give(mul(call.handle("x"), call.handle("x")), call.input("x").dtype),
  Tan: unary("tan"),
  Tanh: unary("tanh"),
  Softplus: (call) => call.give(softplus(asFloat(call, "x"), 1, 40), "float32"),
  IsFinite: (call) => call.give(finite(asFloat(call, "x")), "bool"),
  IsInf: (call) => call.give(isInf(asFloat(call, "x")), "bool"),
  IsNan: (call) => call.give(isNan(asFloat(call, "x")), "bool"),
  LogicalNot: (call) => call.give(logicalNot(call.handle("x")), "bool"),
  Relu: (call) => call.give(relu(call.handle("x")), call.input("x").dtype),
  Relu6: (call) => call.give(clamp(call.handle("x"), 0, 6), call.input("x").dtype),
  LeakyRelu: (call) => call.give(leakyRelu(asFloat(call, "x"), call.attr<number>("alpha")), "float32"),
  Elu: (call) => call.give(elu(asFloat(call, "x"), 1, 1, 1), "float32"),
  Selu: (call) => call.give(elu(asFloat(call, "x"), SELU_ALPHA, SELU_SCALE, 1), "float32"),
  EluGrad: (call) => {
    // dy * (y >= 0 ? 1 : y + 1)
    const y = call.handle("y");
    const slope = where(greaterScalar(y, 0), onesLike(y), addScalar(y, 1, 1));
    return call.give(mul(call.handle("dy"), slope), "float32");
  },
  // 1 above zero, alpha below and at zero; NaN stays NaN.
  Step: (call) => {
    const { dtype } = call.input("x");
    const x = call.handle("x");
    const alpha = call.attr<number | undefined>("alpha") ?? 0;
    if (dtype === "float32" && alpha === 0) return call.give(ceil(clamp(x, 0, 1)), dtype);
    const y = chosen(greaterScalar(x, 0), 1, alpha);
    return call.give(dtype === "float32" ? where(isNan(x), x, y) : y, dtype);
  },
  Prelu: (call) => {
    const x = asFloat(call, "x");
    return call.give(where(less(x, 0), mul(x, call.handle("alpha")), x), "float32");
  },
  ClipByValue: (call) =>
    call.give(
      clamp(call.handle("x"), call.attr<number>("clipValueMin"), call.attr<number>("clipValueMax")),
      call.input("x").dtype,
    ),
  Add: (call) => {
    // Two bfloat16 tensors meet where gradients of a network's layers are summed.
    const isHalf = call.isHalf("a") && call.isHalf("b");
    return isHalf ? call.giveHalf(add(call.raw("a"), call.raw("b"), 1)) : sum(call);
  },
  Sub: scaled("sub.Tensor"),
  Multiply: binary("mul.Tensor"),
  RealDiv: (call) => {
    const [a, dtype] = asFloating(call, "a");
    return call.give(div(a, asFloating(call, "b")[0]), dtype);
  },
  FloorDiv: (call) => call.give(floorDivide(call.handle("a"), call.handle("b"), "floor"), "int32"),
  Mod: binary("remainder.Tensor"),
  Pow: binary("pow.Tensor_Tensor"),
  Maximum: binary("maximum"),
  Minimum: binary("minimum"),
  Atan2: binary("atan2"),
  SquaredDifference: (call) => {
    const difference = sub(call.handle("a"), call.handle("b"), 1);
    return call.give(mul(difference, difference), call.input("a").dtype);
  },
  Equal: binary("eq.Tensor", "bool"),
  NotEqual: binary("ne.Tensor", "bool"),
  Less: binary("lt.Tensor", "bool"),
  LessEqual: binary("le.Tensor", "bool"),
  Greater: binary("gt.Tensor", "bool"),
  GreaterEqual: binary("ge.Tensor", "bool"),
  LogicalAnd: binary("logical_and", "bool"),
  LogicalOr: binary("logical_or", "bool"),
  AddN: (call) => {
    const names = Object.keys(call.inputs);
    const dtype = call.input(names[0]!).dtype;
    let sum = call.handle(names[0]!);
    if (names.length === 1) return call.give(alias(sum), dtype);
    for (const name of names.slice(1)) sum = add(sum, call.handle(name), 1);
    return call.give(sum, dtype);
  },
  Select: (call) => {
    let condition = call.handle("condition");
    const rank = call.input("t").shape.length;
    const { shape } = call.input("condition");
    // A vector condition chooses whole rows (tfjs, as TensorFlow 1).
    if (shape.length < rank && shape.length === 1)
      condition = reshape(condition, [shape[0]!, ...Array(rank - 1).fill(1)]);
    const mask = toDtype(condition, scalarTypeOf("bool"), false, false, null);
    return call.give(where(mask, call.handle("t"), call.handle("e")), call.input("t").dtype);
  },
  Cast: (call) => {
    const { dtype } = call.input("x");
    const to = call.attr<DataType>("dtype");
    if (dtype === to) return shared(call);
    // The real part, as in TensorFlow; libtorch would warn about the imaginary one.
    const x = isComplex(call, "x") ? real(call.handle("x")) : call.handle("x");
    return call.give(toDtype(x, scalarTypeOf(to), false, false, null), to);
  },
  Identity: shared,
  ZerosLike: (call) => call.give(zerosLike(call.handle("x")), call.input("x").dtype),
  OnesLike: (call) => call.give(onesLike(call.handle("x")), call.input("x").dtype),
  Fill: (call) => {
    const dtype = call.attr<DataType | undefined>("dtype") ?? "float32";
    return call.give(full(call.attr<number[]>("shape"), call.attr<number>("value"), scalarTypeOf(dtype)), dtype);
  },
  BitwiseAnd: (call) => call.give(bitwiseAnd(call.handle("a"), call.handle("b")), "int32"),
};
