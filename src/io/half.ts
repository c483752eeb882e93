/** @file 16-bit floats as bits in a Uint16Array: IEEE 754 binary16 ("half") and bfloat16, to and from float32. */

/** The nearest half of every float32 (ties to even; 65520 and above become infinite; NaN stays NaN). */
export function floatsToHalf(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const x = bits[i]!;
    const sign = (x >>> 16) & 0x8000;
    const a = x & 0x7fffffff;
    if (a >= 0x38800000 && a < 0x477ff000) {
      const h = a - 0x38000000;
      out[i] = sign | ((h + 0xfff + ((h >>> 13) & 1)) >>> 13);
    } else if (a <= 0x33000000) out[i] = sign;
    else if (a < 0x38800000) out[i] = sign | subnormalHalf(a);
    else out[i] = sign | (a > 0x7f800000 ? 0x7e00 | ((a >>> 13) & 0x3ff) : 0x7c00);
  }
  return out;
}

/** Half bits, in units of 2^-24, of a float32 between 2^-25 and 2^-14 given as bits. */
function subnormalHalf(a: number): number {
  const mantissa = (a & 0x7fffff) | 0x800000;
  const shift = 126 - (a >>> 23);
  const quotient = mantissa >>> shift;
  const rest = mantissa & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && quotient & 1) ? quotient + 1 : quotient;
}

let halfTable: Uint32Array | undefined;

/** The float32 of every half, exactly. */
export function halfToFloats(halves: Uint16Array): Float32Array {
  halfTable ??= Uint32Array.from({ length: 65536 }, (_, h) => floatBitsOfHalf(h));
  const table = halfTable;
  const out = new Float32Array(halves.length);
  const bits = bitsOf(out);
  for (let i = 0; i < out.length; i++) bits[i] = table[halves[i]!]!;
  return out;
}

function floatBitsOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  const mantissa = half & 0x3ff;
  if (exponent === 31) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  if (mantissa === 0) return sign >>> 0;
  const shift = Math.clz32(mantissa) - 21;
  return (sign | ((113 - shift) << 23) | ((mantissa << (13 + shift)) & 0x7fffff)) >>> 0;
}

/** The nearest bfloat16 of every float32 (ties to even; NaN stays NaN). */
export function floatsToBfloat16(values: Float32Array): Uint16Array {
  const bits = bitsOf(values);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const x = bits[i]!;
    const nan = (x & 0x7fffffff) > 0x7f800000;
    out[i] = nan ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** The float32 of every bfloat16, exactly. */
export function bfloat16ToFloats(values: Uint16Array): Float32Array {
  const out = new Float32Array(values.length);
  const bits = bitsOf(out);
  for (let i = 0; i < out.length; i++) bits[i] = values[i]! << 16;
  return out;
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
