import { expect, test } from "vitest";
import { bfloat16ToFloats, floatsToBfloat16, floatsToHalf, halfToFloats } from "../../../src/io/half.ts";

/** The value of half bits by IEEE 754's definition. */
function meaning(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const every = Uint16Array.from({ length: 65536 }, (_, i) => i);

test("every half becomes the float of its definition, and comes back", () => {
  const floats = halfToFloats(every);
  expect(Array.from(floats)).toEqual(Array.from(every, meaning));
  const back = floatsToHalf(floats);
  every.forEach((bits, i) => {
    if (!Number.isNaN(floats[i]!)) expect(back[i]).toBe(bits);
  });
  expect(halfToFloats(back).filter(Number.isNaN)).toHaveLength(2 * 1023);
});

test("floats between two halves go to the nearer one, and from the middle to the even one", () => {
  const floats = halfToFloats(every);
  for (let bits = 0; bits < 0x7bff; bits++) {
    const [low, high] = [floats[bits]!, floats[bits + 1]!];
    const middle = (low + high) / 2; // exact in float32: it needs one bit more than a half
    const near = Float32Array.of(middle, middle - (high - low) / 1024, middle + (high - low) / 1024, -middle);
    const even = bits % 2 === 0 ? bits : bits + 1;
    expect([...floatsToHalf(near)]).toEqual([even, bits, bits + 1, even | 0x8000]);
  }
});

test("the ends of the range", () => {
  const floats = Float32Array.of(65504, 65519.99, 65520, 1e30, -Infinity, 2 ** -25, 1.0001 * 2 ** -25, -0, Number.NaN);
  expect([...floatsToHalf(floats)]).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 1, 0x8000, 0x7e00]);
});

test("bfloat16 keeps the upper half of the bits, rounded to even", () => {
  const floats = Float32Array.of(
    1,
    1 + 2 ** -8,
    1 + 3 * 2 ** -8,
    1 + 2 ** -8 + 2 ** -20,
    -3.4e38,
    Infinity,
    Number.NaN,
  );
  const bits = floatsToBfloat16(floats);
  expect([...bits]).toEqual([0x3f80, 0x3f80, 0x3f82, 0x3f81, 0xff80, 0x7f80, 0x7fc0]);
  expect(bfloat16ToFloats(Uint16Array.of(0x3f81, 0xc020))).toEqual(Float32Array.of(1 + 2 ** -7, -2.5));
});
