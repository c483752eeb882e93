/** @file The reference tensors that several checkpoint files hold, compared with what was read. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type HostTensor, toFloat64 } from "../../src/io/host-tensor.ts";

interface Expected {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly (number | string | boolean)[];
}

/** Expects exactly the tensors of an `expected.json`: keys, dtypes, shapes and every value. */
export function expectLoaderGolden(tensors: ReadonlyMap<string, HostTensor>, expectedPath: string): void {
  const expected: Record<string, Expected> = JSON.parse(readFileSync(expectedPath, "utf8")).tensors;
  expect([...tensors.keys()].sort()).toEqual(Object.keys(expected).sort());
  for (const [key, { dtype, shape, values }] of Object.entries(expected)) {
    const tensor = tensors.get(key)!;
    expect([key, tensor.dtype, tensor.shape]).toEqual([key, dtype, shape]);
    const numbers: readonly (bigint | number)[] =
      tensor.data instanceof BigInt64Array ? [...tensor.data] : [...toFloat64(tensor)];
    expect(numbers).toEqual(values.map((value) => (dtype === "int64" ? BigInt(value as string) : Number(value))));
  }
}
