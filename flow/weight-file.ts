/** @file Tensors of a flow network's weight file, whichever way it is written. */
import type { HostTensor } from "../src/io/host-tensor.ts";
import { readPyTorch } from "../src/io/pytorch.ts";
import { readSafetensors } from "../src/io/safetensors.ts";

/** The tensors of a PyTorch checkpoint or, by its name, a `.safetensors` file, under the file's keys. Throws FormatError. */
export async function readWeightFile(path: string): Promise<ReadonlyMap<string, HostTensor>> {
  return path.endsWith(".safetensors") ? (await readSafetensors(path)).tensors : (await readPyTorch(path)).tensors;
}
