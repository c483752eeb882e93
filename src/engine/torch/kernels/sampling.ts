/** @file Random draws. */
import { createRandom } from "../../../random.ts";
import { aten, temporary } from "../native.ts";
import { asFloat, DTYPE, type KernelTable } from "./kernel.ts";

const softmax = aten("softmax.int");
const cumsum = aten("cumsum");
const searchSorted = aten("searchsorted.Tensor");
const clamp = aten("clamp");

export const samplingKernels: KernelTable = {
  // Each draw is the first class whose cumulative probability exceeds a uniform number; equal seeds give equal draws.
  Multinomial: (call) => {
    const [batch, classes] = call.input("logits").shape as [number, number];
    const count = call.attr<number>("numSamples");
    const logits = asFloat(call, "logits");
    const probabilities = call.attr<boolean>("normalized") ? logits : softmax(logits, -1, null);
    const random = createRandom(call.attr<number>("seed"), "multinomial");
    const uniform = Float32Array.from({ length: batch * count }, () => random.next());
    const draws = temporary(uniform, [batch, count], DTYPE.float32);
    const found = searchSorted(cumsum(probabilities, -1, null), draws, true, true, null, null);
    return call.give(clamp(found, 0, classes - 1), "int32");
  },
};
