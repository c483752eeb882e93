/** @file Formula numbers: weights and pictures that reference data were made from, so that inputs need no files. */
import type { HostTensor } from "../../src/io/host-tensor.ts";

/** 32-bit FNV-1a hash of the UTF-8 bytes of `key`. */
export function fnv1a32(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(key)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** The mixed 32 bits of `x`, unsigned. */
export function mix32(x: number): number {
  let y = x ^ (x >>> 16);
  y = Math.imul(y, 0x7feb352d);
  y ^= y >>> 15;
  y = Math.imul(y, 0x846ca68b);
  return (y ^ (y >>> 16)) >>> 0;
}

/** `count` numbers in [-1, 1), exact in float64; the first has flat index `start`. */
export function unit(key: string, count: number, start = 0): Float64Array {
  const hash = fnv1a32(key) + start;
  return Float64Array.from({ length: count }, (_, i) => mix32((hash + i) >>> 0) / 2147483648 - 1);
}

/** Numbers in [low, high), float64, in C order. */
export function uniform(key: string, shape: readonly number[], low = -1, high = 1): Float64Array {
  return unit(key, product(shape)).map((s) => low + (s + 1) * 0.5 * (high - low));
}

/**
 * The formula value of one tensor of a network: float32, C order, PyTorch layout; the rule looks only at key and shape.
 * Zeros for `num_batches_tracked`.
 */
export function weight(key: string, shape: readonly number[], gain = 1): Float32Array {
  const count = product(shape);
  if (key.endsWith("num_batches_tracked")) return new Float32Array(count);
  const [offset, scale] = rule(key, shape, gain);
  // `offset + scale * s` with offset 0 is exact, so one expression serves every rule.
  return Float32Array.from(unit(key, count), (s) => offset + scale * s);
}

function rule(key: string, shape: readonly number[], gain: number): readonly [offset: number, scale: number] {
  if (key.endsWith("running_var")) return [1, 0.5];
  if (key.endsWith("running_mean")) return [0, 0.1];
  if (shape.length >= 2) return [0, gain * Math.sqrt(3 / product(shape.slice(1)))];
  return key.endsWith("weight") ? [1, 0.2] : [0, 0.1];
}

/**
 * Formula weights of a whole network as host tensors. `gains` is `gain_if_key_contains` of the network's key file: at
 * most one of its texts may occur in a key.
 */
export function formulaTensors(
  shapes: Readonly<Record<string, readonly number[]>>,
  gains: Readonly<Record<string, number>> = {},
): Map<string, HostTensor> {
  return new Map(
    Object.entries(shapes).map(([key, shape]) => {
      const gain = Object.entries(gains).find(([text]) => key.includes(text))?.[1] ?? 1;
      const tensor: HostTensor = key.endsWith("num_batches_tracked")
        ? { dtype: "int64", shape, data: new BigInt64Array(product(shape)) }
        : { dtype: "float32", shape, data: weight(key, shape, gain) };
      return [key, tensor];
    }),
  );
}

/** Value noise 0..255 at the integer position (x, y); `cell` is a power of two. */
export function noise8(key: string, x: number, y: number, cell: number): number {
  return noiseAt(fnv1a32(key), x, y, cell);
}

function noiseAt(hash: number, x: number, y: number, cell: number): number {
  const shift = Math.log2(cell);
  const [column, row] = [x >> shift, y >> shift];
  const [fx, fy] = [x & (cell - 1), y & (cell - 1)];
  const lattice = (a: number, b: number) => mix32((((b & 0xffff) << 16) | (a & 0xffff)) + hash) >>> 24;
  const sum =
    lattice(column, row) * (cell - fx) * (cell - fy) +
    lattice(column + 1, row) * fx * (cell - fy) +
    lattice(column, row + 1) * (cell - fx) * fy +
    lattice(column + 1, row + 1) * fx * fy;
  return (sum + ((cell * cell) >> 1)) >> (2 * shift);
}

/** How a picture's content moves: by +dx8/8 and +dy8/8 px, and zx, zy times position / 256 px more. */
export interface PictureMotion {
  readonly dx8?: number;
  readonly dy8?: number;
  readonly zx?: number;
  readonly zy?: number;
}

/** A test picture, uint8 [height, width, 3] in C order. */
export function picture(key: string, height: number, width: number, motion: PictureMotion = {}): Uint8Array {
  const { dx8 = 0, dy8 = 0, zx = 0, zy = 0 } = motion;
  const coarse = [0, 1, 2].map((c) => fnv1a32(`${key}/coarse/${c}`));
  const fine = [0, 1, 2].map((c) => fnv1a32(`${key}/fine/${c}`));
  const data = new Uint8Array(height * width * 3);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const px = 8 * x - dx8 - ((x * zx) >> 5);
      const py = 8 * y - dy8 - ((y * zy) >> 5);
      for (let c = 0; c < 3; c++) {
        data[at++] = Math.floor((2 * noiseAt(coarse[c]!, px, py, 128) + noiseAt(fine[c]!, px, py, 32)) / 3);
      }
    }
  }
  return data;
}

function product(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}
