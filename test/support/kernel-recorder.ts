/** @file Which kernels a piece of work runs, on an engine that is made to do without the fused ones. */
import { FUSED } from "../../src/engine/custom.ts";
import { tf } from "../../src/engine/tf.ts";

/** Takes the fused kernels from the running engine, so that every caller takes its composed fallback. */
export function withoutFusedKernels(): void {
  for (const name of Object.values(FUSED)) {
    if (tf.getKernel(name, tf.getBackend())) tf.unregisterKernel(name, tf.getBackend());
  }
}

/** Names of the kernels that `work` runs, sorted. */
export async function recordKernels(work: () => Promise<void>): Promise<string[]> {
  const engine = tf.engine();
  const names = new Set<string>();
  const { runKernel } = engine;
  engine.runKernel = (name, ...rest) => {
    names.add(name);
    return runKernel.call(engine, name, ...rest) as never;
  };
  try {
    await work();
  } finally {
    engine.runKernel = runKernel;
  }
  return [...names].sort();
}
