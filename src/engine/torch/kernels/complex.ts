/** @file Complex numbers and Fourier transforms. */
import { aten } from "../native.ts";
import { asFloat, type Kernel, type KernelTable } from "./kernel.ts";

const complex = aten("complex");
const real = aten("real");
const imag = aten("imag");
const abs = aten("abs");
const alias = aten("alias");
const zerosLike = aten("zeros_like");

/** A transform of the last axis; the inverse one divides by the length. */
const transform = (name: string): Kernel => {
  const op = aten(name);
  return (call) => call.give(op(call.handle("input"), null, -1, null), "complex64");
};

export const complexKernels: KernelTable = {
  Complex: (call) => call.give(complex(asFloat(call, "real"), asFloat(call, "imag")), "complex64"),
  Real: (call) => {
    const x = call.handle("input");
    return call.give(call.input("input").dtype === "complex64" ? real(x) : alias(x), "float32");
  },
  Imag: (call) => {
    const x = call.handle("input");
    return call.give(call.input("input").dtype === "complex64" ? imag(x) : zerosLike(x), "float32");
  },
  ComplexAbs: (call) => call.give(abs(call.handle("x")), "float32"),
  FFT: transform("fft_fft"),
  IFFT: transform("fft_ifft"),
};
