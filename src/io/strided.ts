/** @file Strided views copied into C order: Fortran-order arrays, transposed and sliced tensors. */
import type { TypedArray } from "./host-tensor.ts";

/** Strides, in elements, of a C-order array. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

/** Strides, in elements, of a Fortran-order array. */
export function fortranStrides(shape: readonly number[]): number[] {
  return contiguousStrides([...shape].reverse()).reverse();
}

/** Whether strides describe C order; axes of size 1 and empty arrays do not count. */
export function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  const expected = contiguousStrides(shape);
  return shape.includes(0) || shape.every((size, axis) => size === 1 || strides[axis] === expected[axis]);
}

/** One past the last element that a view with non-negative strides touches, counted from its offset; 0 when empty. */
export function viewExtent(shape: readonly number[], strides: readonly number[]): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, size, axis) => last + (size - 1) * strides[axis]!, 1);
}

/**
 * The elements of a view in C order, written to `out` (which is returned). The caller has checked that the view lies in
 * `source`. Strides and offset count elements.
 */
export function gatherStrided<A extends TypedArray>(
  source: A,
  out: A,
  shape: readonly number[],
  strides: readonly number[],
  offset: number,
): A {
  if (out.length === 0) return out;
  if (isContiguous(shape, strides)) {
    out.set(source.subarray(offset, offset + out.length) as never);
    return out;
  }
  const inner = shape.at(-1)!;
  const innerStride = strides.at(-1)!;
  const index = new Array<number>(shape.length - 1).fill(0);
  let base = offset;
  for (let at = 0; at < out.length; ) {
    for (let i = 0, from = base; i < inner; i++, from += innerStride) out[at++] = source[from]!;
    for (let axis = shape.length - 2; axis >= 0; axis--) {
      base += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      base -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
