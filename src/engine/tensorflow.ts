/** @file TensorFlow's own backend, where one of its optional packages is installed and loads. */
import { tf } from "./tf.ts";

const PACKAGES = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;

/** Loads tfjs-node-gpu, else tfjs-node; returns the package's name. Throws with each one's reason where neither loads. */
export async function importTensorflow(): Promise<string> {
  const reasons: string[] = [];
  for (const name of PACKAGES) {
    try {
      await import(name);
      return name;
    } catch (error) {
      const missing = (error as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
      reasons.push(`${name}: ${missing ? "not installed" : (error as Error).message.split("\n")[0]}`);
    }
  }
  throw new Error(reasons.join("; "));
}

/** Makes TensorFlow the tfjs backend. Throws where it cannot. */
export async function startTensorflow(): Promise<{ device: string; version: string }> {
  const name = await importTensorflow();
  if (!(await tf.setBackend("tensorflow"))) throw new Error(`${name}: the backend did not start`);
  return {
    device: name.endsWith("gpu") ? "CUDA where TensorFlow finds it, else cpu" : "cpu",
    version: `${name}, tfjs ${tf.version_core}`,
  };
}
