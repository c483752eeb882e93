import { expect, test } from "vitest";
import { formatNpy, type NpyArray, parseNpy, parseNpyHeader } from "../../../src/io/npy.ts";

/** A .npy file put together by hand. */
function npy(header: string, data: ArrayLike<number>, version = 1): Uint8Array {
  const length = version === 1 ? [header.length & 255, header.length >> 8] : [header.length, 0, 0, 0];
  return Uint8Array.from([
    0x93,
    ...Buffer.from("NUMPY"),
    version,
    0,
    ...length,
    ...Buffer.from(header),
    ...Array.from(data),
  ]);
}

test("big-endian Fortran order becomes little-endian C order", () => {
  const bytes = npy(
    "{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n",
    [0, 1, 0, 4, 0, 2, 0, 5, 1, 0, 255, 254],
  );
  expect(parseNpy(bytes)).toEqual({ dtype: "int16", shape: [2, 3], data: Int16Array.of(1, 2, 256, 4, 5, -2) });
});

test("headers of other writers: order of keys, versions, long integers", () => {
  const header = "{'shape': (1L,), \"descr\": '|u1', 'fortran_order': False}";
  expect(parseNpy(npy(header, [7], 1))).toEqual({ dtype: "uint8", shape: [1], data: Uint8Array.of(7) });
  expect(parseNpy(npy(header, [7], 2))).toEqual({ dtype: "uint8", shape: [1], data: Uint8Array.of(7) });
  expect(parseNpyHeader(npy("{'descr': '<U3', 'fortran_order': False, 'shape': ()}", []))).toEqual({
    dtype: "string",
    shape: [],
  });
});

test("texts lose their padding; bytes are UTF-8, or Latin-1 where they are not", () => {
  const unicode = npy(
    "{'descr': '>U2', 'fortran_order': False, 'shape': (2,), }",
    [0, 0, 0, 65, 0, 1, 0xf6, 0, 0, 0, 0, 66, 0, 0, 0, 0],
  );
  expect(parseNpy(unicode)).toEqual({ dtype: "string", shape: [2], data: ["A😀", "B"] });
  const bytes = npy("{'descr': '|S2', 'fortran_order': False, 'shape': (2,), }", [0xc3, 0xa9, 0xe9, 0]);
  expect(parseNpy(bytes)).toEqual({ dtype: "string", shape: [2], data: ["é", "é"] });
});

const ARRAYS: readonly NpyArray[] = [
  { dtype: "float64", shape: [2, 1, 2], data: Float64Array.of(1, -0, Number.NaN, 1e300) },
  { dtype: "float32", shape: [0, 3], data: new Float32Array(0) },
  { dtype: "float16", shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
  { dtype: "int64", shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
  { dtype: "uint64", shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
  { dtype: "int8", shape: [2], data: Int8Array.of(-128, 127) },
  { dtype: "uint16", shape: [3], data: Uint16Array.of(1, 2, 65535) },
  { dtype: "bool", shape: [2], data: Uint8Array.of(0, 1) },
  { dtype: "string", shape: [2, 2], data: ["", "zwei", "Ä😀", "x"] },
];
test.each(ARRAYS)("$dtype $shape comes back as it was written", (array) => {
  expect(parseNpy(formatNpy(array))).toEqual(array);
});

test("the bytes are those that NumPy writes", () => {
  // np.save of np.array([[1, 2]], np.float32), NumPy 2.4
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }".padEnd(117);
  const expected = npy(`${header}\n`, [0, 0, 128, 63, 0, 0, 0, 64]);
  expect(formatNpy({ dtype: "float32", shape: [1, 2], data: Float32Array.of(1, 2) })).toEqual(expected);
});

test.each([
  ["{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "Python objects"],
  ["{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "structured arrays are not supported"],
  ["{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", 'type "<c8" are not supported'],
  ["{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "<f4[2] needs 8 bytes, got 4"],
  ["{'descr': '<f4', 'fortran_order': False, 'shape': (999999999, 999999999, 9999999)}", "is not possible"],
  ["{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "cannot read the .npy header"],
  ["{'descr': '|S0', 'fortran_order': False, 'shape': (9999999999,)}", "cut short or broken"],
  ["nothing", "cannot read the .npy header"],
])("%s is refused", (header, problem) => {
  const attempt = () => parseNpy(npy(header, [0, 0, 0, 0]), "x.npy");
  expect(attempt).toThrow(/^x\.npy: /);
  expect(attempt).toThrow(problem);
});

test("what is no .npy file is refused", () => {
  expect(() => parseNpy(new Uint8Array(200))).toThrow("not a .npy array");
  expect(() => parseNpy(npy("{}", []).subarray(0, 9))).toThrow("not a .npy array");
  expect(() => parseNpy(npy("{'descr'", []).subarray(0, 14))).toThrow("cut short");
});
