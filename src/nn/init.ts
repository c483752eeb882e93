/** @file Seeded first values of a network's weights. */
import { elementCount, type HostTensor } from "../io/host-tensor.ts";
import { createRandom } from "../random.ts";
import type { ParameterShapes } from "./parameters.ts";

/**
 * First values for `shapes` (PyTorch layout): weights of two or more dimensions are normal with deviation
 * gain(key) * sqrt(2 / fan-in) (He et al. 2015), tables of positions normal with deviation 0.02, scales and running
 * variances 1, all else 0. Depends on `seed` and key only.
 */
export function initialValues(
  shapes: ParameterShapes,
  seed: number,
  gain: (key: string) => number = () => 1,
): Map<string, HostTensor> {
  const values = new Map<string, HostTensor>();
  for (const [key, shape] of shapes) {
    const size = elementCount(shape);
    const data = new Float32Array(size);
    if (shape.length >= 2 && key.endsWith("weight"))
      fillNormal(data, seed, key, gain(key) * Math.sqrt(2 / (size / shape[0]!)));
    else if (/pos_embed(ding)?$/.test(key)) fillNormal(data, seed, key, 0.02);
    else if (key.endsWith("weight") || key.endsWith("running_var")) data.fill(1);
    values.set(key, { dtype: "float32", shape, data });
  }
  return values;
}

function fillNormal(data: Float32Array, seed: number, key: string, deviation: number): void {
  const random = createRandom(seed, "weights", key);
  for (let i = 0; i < data.length; i++) data[i] = random.normal(0, deviation);
}
