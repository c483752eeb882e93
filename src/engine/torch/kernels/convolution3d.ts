/** @file Three-dimensional convolution on [B,D,H,W,C] tensors with [D,H,W,in,out] filters. */
import { tf } from "../../tf.ts";
import { aten, atenMany, type Handle } from "../native.ts";
import { type KernelCall, type KernelTable, SCALAR_TYPE } from "./kernel.ts";

const convolution = aten("convolution");
const convolutionBackward = atenMany("convolution_backward");
const permute = aten("permute");
const padNd = aten("constant_pad_nd");
const narrow = aten("narrow");
const zeros = aten("zeros");

const TO_TORCH = [0, 4, 1, 2, 3];
const FROM_TORCH = [0, 2, 3, 4, 1];
const FILTER_TO_TORCH = [4, 3, 0, 1, 2];
const FILTER_FROM_TORCH = [2, 3, 4, 1, 0];
const NO_OFFSET = [0, 0, 0];

interface Geometry {
  readonly strides: number[];
  readonly dilations: number[];
  readonly before: number[];
  readonly after: number[];
  readonly groups: number;
}

function geometry(call: KernelCall, inputShape: number[], filterShape: number[]): Geometry {
  const info = tf.backend_util.computeConv3DInfo(
    inputShape as never,
    filterShape as never,
    call.attr<never>("strides"),
    call.attr<never>("dilations") ?? 1,
    call.attr<never>("pad"),
  );
  const { front, back, top, bottom, left, right } = info.padInfo;
  return {
    strides: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilations: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    before: [front, top, left],
    after: [back, bottom, right],
    groups: info.inChannels / filterShape[3]!,
  };
}

function padded(x: Handle, { before, after }: Geometry): Handle {
  if ([...before, ...after].every((pad) => pad === 0)) return x;
  return padNd(x, before.flatMap((pad, i) => [after[i]!, pad]).reverse(), 0);
}

/** Gradients of input and filter ([false, true] asks for the filter's alone) of padded operands. */
function backward(dy: Handle, x: Handle, filter: Handle, g: Geometry, wanted: readonly boolean[]): Handle[] {
  const mask = [...wanted, false];
  return convolutionBackward(dy, x, filter, null, g.strides, NO_OFFSET, g.dilations, false, NO_OFFSET, g.groups, mask);
}

export const convolution3dKernels: KernelTable = {
  Conv3D: (call) => {
    const g = geometry(call, call.input("x").shape, call.input("filter").shape);
    const x = padded(permute(call.handle("x"), TO_TORCH), g);
    const filter = permute(call.handle("filter"), FILTER_TO_TORCH);
    const y = convolution(x, filter, null, g.strides, NO_OFFSET, g.dilations, false, NO_OFFSET, g.groups);
    return call.give(permute(y, FROM_TORCH), "float32");
  },
  Conv3DBackpropInputV2: (call) => {
    const shape = call.attr<number[]>("inputShape");
    const g = geometry(call, shape, call.input("filter").shape);
    const x = padded(permute(zeros(shape, SCALAR_TYPE.float32), TO_TORCH), g);
    const filter = permute(call.handle("filter"), FILTER_TO_TORCH);
    let [dx] = backward(permute(call.handle("dy"), TO_TORCH), x, filter, g, [true, false]) as [Handle];
    for (let i = 0; i < 3; i++) dx = narrow(dx, i + 2, g.before[i]!, shape[i + 1]!);
    return call.give(permute(dx, FROM_TORCH), "float32");
  },
  Conv3DBackpropFilterV2: (call) => {
    const shape = call.attr<number[]>("filterShape");
    const g = geometry(call, call.input("x").shape, shape);
    const x = padded(permute(call.handle("x"), TO_TORCH), g);
    const filter = zeros(
      FILTER_TO_TORCH.map((d) => shape[d]!),
      SCALAR_TYPE.float32,
    );
    const [, dw] = backward(permute(call.handle("dy"), TO_TORCH), x, filter, g, [false, true]) as [Handle, Handle];
    return call.give(permute(dw, FILTER_FROM_TORCH), "float32");
  },
};
