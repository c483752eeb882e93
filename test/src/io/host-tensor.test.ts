import { expect, test } from "vitest";
import {
  bytesOf,
  describeTensor,
  floatTensor,
  toFloat32,
  toFloat64,
  toInt32,
  viewBytes,
} from "../../../src/io/host-tensor.ts";

test("numbers of every kind", () => {
  const big = { dtype: "int64", shape: [2], data: BigInt64Array.of(-3n, 2n ** 53n) } as const;
  expect(toFloat32(big)).toEqual(Float32Array.of(-3, 2 ** 53));
  expect(toFloat64(big)).toEqual(Float64Array.of(-3, 2 ** 53));
  const half = { dtype: "float16", shape: [1, 2], data: Uint16Array.of(0x3c00, 0xc100) } as const;
  expect(toFloat32(half)).toEqual(Float32Array.of(1, -2.5));
  expect(toFloat64(half)).toEqual(Float64Array.of(1, -2.5));
  expect(toFloat32({ dtype: "bfloat16", shape: [1], data: Uint16Array.of(0xc020) })).toEqual(Float32Array.of(-2.5));
  const floats = Float32Array.of(1, 2);
  expect(toFloat32(floatTensor(floats, [2, 1]))).toBe(floats);
  expect(describeTensor(floatTensor(floats, [2, 1]))).toBe("float32[2, 1]");
});

test("integers are not rounded or wrapped in silence", () => {
  expect(toInt32({ dtype: "uint32", shape: [2], data: Uint32Array.of(0, 7) })).toEqual(Int32Array.of(0, 7));
  expect(() => toInt32({ dtype: "uint32", shape: [1], data: Uint32Array.of(4294967295) }, "parents")).toThrow(
    "parents: expected 32-bit integers, got 4294967295 at index 0",
  );
  expect(() => toInt32(floatTensor(Float32Array.of(0.5), [1]))).toThrow("got 0.5");
  expect(() => floatTensor(new Float32Array(3), [2, 2])).toThrow("got [2, 2]");
});

test("bytes that are not aligned are copied", () => {
  const bytes = new Uint8Array(9);
  bytes.set(bytesOf(Float64Array.of(-1.5)), 1);
  expect(viewBytes("float64", bytes.subarray(1))).toEqual(Float64Array.of(-1.5));
});
