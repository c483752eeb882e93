import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fnv1a32, formulaTensors, noise8, picture, uniform, unit, weight } from "./formula.ts";
import { shared } from "./shared.ts";

test("unit gives the printed values of the reference data's README", () => {
  expect(fnv1a32("fnet.conv1.weight")).toBe(3158727759);
  expect([...unit("fnet.conv1.weight", 3)]).toEqual([-0.8982159588485956, -0.5463988576084375, -0.7516575315967202]);
  expect(fnv1a32("é-key")).toBe(1661930083);
  expect(unit("é-key", 8)[7]).toBe(-0.8484123982489109);
  expect(unit("é-key", 1, 7)[0]).toBe(-0.8484123982489109);
});

const checks = shared("golden/formula_checks.json");
test.skipIf(!checks)("weights, uniform numbers, noise and pictures equal formula_checks.json", () => {
  const expected = JSON.parse(readFileSync(checks!, "utf8"));
  for (const [key, entry] of Object.entries<Record<string, never>>(expected.weights)) {
    const values = weight(key, entry["shape"]!, entry["gain"]);
    expect([...values.slice(0, 8)]).toEqual(entry["first8"]);
    expect(values.at(-1)).toBe(entry["last"]);
    expect(Math.abs(values.reduce((a, b) => a + b, 0) - entry["sum_float64"]!)).toBeLessThan(1e-9);
  }
  expect([...uniform("u", [2, 3], 0, 10)]).toEqual(expected.uniform.values.flat());
  const { noise8: noise, ...motion } = expected.picture;
  expect(noise.X.map((x: number, i: number) => noise8(noise.key, x, noise.Y[i], noise.cell))).toEqual(noise.values);
  const image = picture(motion.key, motion.H, motion.W, motion);
  expect([...image.slice(0, motion.W * 3)].filter((_, i) => i % 3 === 0)).toEqual(motion.first_row_red);
  expect([...image.slice(-3)]).toEqual(motion.last_pixel);
  expect(image.reduce((a, b) => a + b, 0)).toBe(motion.sum);
});

test("gains apply to the keys that contain their text", () => {
  const tensors = formulaTensors({ "a.weight": [2, 3], "b.num_batches_tracked": [] }, { "a.": 0.5 });
  expect(tensors.get("a.weight")!.data[0]).toBe(Math.fround(unit("a.weight", 1)[0]! * 0.5));
  expect(tensors.get("b.num_batches_tracked")).toEqual({ dtype: "int64", shape: [], data: BigInt64Array.of(0n) });
});
