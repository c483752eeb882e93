/** @file What stands for a flow network in the names of cells: another file of weights gives other flow. */
import { stat } from "node:fs/promises";
import { flowEstimators } from "../flow/estimators.ts";
import { fileDigest } from "../pipelines/run/content-key.ts";

const known = new Map<string, string>();

/** Digest of the weights of the flow network `name`: of `file`, else of the shipped ones; "none" where there are none. */
export async function flowDigest(name: string, file?: string): Promise<string> {
  const path = file ?? flowEstimators[name]?.weights;
  if (!path) return "none";
  // Asked for with every trial; a file that was replaced meanwhile is another one.
  const { mtimeMs, size } = await stat(path);
  const key = `${path} ${mtimeMs} ${size}`;
  const digest = known.get(key) ?? (await fileDigest(path)).slice(0, 10);
  known.set(key, digest);
  return digest;
}
