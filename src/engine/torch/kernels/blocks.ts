/** @file Kernels that exchange blocks of space with batch or depth, and other rearrangements that are rarely met. */
import { tf } from "../../tf.ts";
import { aten, temporary } from "../native.ts";
import { DTYPE, type KernelTable } from "./kernel.ts";

const reshape = aten("reshape");
const permute = aten("permute");
const padNd = aten("constant_pad_nd");
const narrow = aten("narrow");
const diagonal = aten("diag_embed");

const range = (from: number, count: number, step = 1): number[] =>
  Array.from({ length: count }, (_, i) => from + i * step);

export const blockKernels: KernelTable = {
  BatchToSpaceND: (call) => {
    const { shape, dtype } = call.input("x");
    const blocks = call.attr<number[]>("blockShape");
    const n = blocks.length;
    const batch = shape[0]! / tf.util.sizeFromShape(blocks);
    const spatial = shape.slice(1, n + 1);
    const rest = shape.slice(n + 1);
    // [blocks..., batch, spatial..., rest...] -> [batch, spatial 0, block 0, spatial 1, block 1, ..., rest...]
    const parts = reshape(call.handle("x"), [...blocks, batch, ...spatial, ...rest]);
    const order = [n, ...range(0, n).flatMap((i) => [n + 1 + i, i]), ...range(2 * n + 1, rest.length)];
    const joined = spatial.map((size, i) => size * blocks[i]!);
    let x = reshape(permute(parts, order), [batch, ...joined, ...rest]);
    call.attr<[number, number][]>("crops").forEach(([before, after], i) => {
      x = narrow(x, i + 1, before, joined[i]! - before - after);
    });
    return call.give(x, dtype);
  },
  SpaceToBatchND: (call) => {
    const { shape, dtype } = call.input("x");
    const blocks = call.attr<number[]>("blockShape");
    const paddings = call.attr<[number, number][]>("paddings");
    const n = blocks.length;
    const rest = shape.slice(n + 1);
    const divided = blocks.map((block, i) => (shape[i + 1]! + paddings[i]![0] + paddings[i]![1]) / block);
    const pads = [...rest.flatMap(() => [0, 0]), ...[...paddings].reverse().flat()];
    // [batch, spatial 0, block 0, spatial 1, block 1, ..., rest...] -> [blocks..., batch, spatial..., rest...]
    const parts = reshape(padNd(call.handle("x"), pads, 0), [
      shape[0]!,
      ...divided.flatMap((size, i) => [size, blocks[i]!]),
      ...rest,
    ]);
    const order = [...range(2, n, 2), 0, ...range(1, n, 2), ...range(2 * n + 1, rest.length)];
    const batch = shape[0]! * tf.util.sizeFromShape(blocks);
    return call.give(reshape(permute(parts, order), [batch, ...divided, ...rest]), dtype);
  },
  DepthToSpace: (call) => {
    const { shape, dtype } = call.input("x");
    const block = call.attr<number>("blockSize");
    if (call.attr<string>("dataFormat") === "NCHW") {
      const [batch, channels, height, width] = shape as [number, number, number, number];
      const depth = channels / block ** 2;
      const parts = reshape(call.handle("x"), [batch, block, block, depth, height, width]);
      return call.give(
        reshape(permute(parts, [0, 3, 4, 1, 5, 2]), [batch, depth, height * block, width * block]),
        dtype,
      );
    }
    const [batch, height, width, channels] = shape as [number, number, number, number];
    const depth = channels / block ** 2;
    const parts = reshape(call.handle("x"), [batch, height, width, block, block, depth]);
    return call.give(reshape(permute(parts, [0, 1, 3, 2, 4, 5]), [batch, height * block, width * block, depth]), dtype);
  },
  Diag: (call) => {
    const { shape, dtype } = call.input("x");
    return call.give(reshape(diagonal(reshape(call.handle("x"), [-1]), 0, -2, -1), [...shape, ...shape]), dtype);
  },
  BroadcastArgs: (call) => {
    const read = (name: string) => Array.from(call.backend.readSync(call.input(name).dataId) as Int32Array);
    const shape = tf.broadcast_util.assertAndGetBroadcastShape(read("s0"), read("s1"));
    return call.give(temporary(Int32Array.from(shape), [shape.length], DTYPE.int32), "int32");
  },
};
