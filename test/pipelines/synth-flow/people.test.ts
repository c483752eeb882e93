import { describe, expect, test } from "vitest";
import { createWorld } from "../../../pipelines/synth/world.ts";
import { createPeoplePairs, mixPairs } from "../../../pipelines/synth-flow/people.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";

const world = createWorld(proceduralBody());
const train = createPeoplePairs(world, 2, "train");

describe("pairs of people", () => {
  test("repeat in any order, and belong to one split only", () => {
    const pair = train(3, 48);
    train(7, 32);
    expect(train(3, 48)).toEqual(pair);
    expect(pair.first).toHaveLength(48 * 48 * 3);
    expect(Math.max(...pair.first)).toBeLessThanOrEqual(1);
    expect(createPeoplePairs(world, 2, "test")(3, 48).flow).not.toEqual(pair.flow);
  });

  test("the flow takes each colour of the first picture to its like in the second", () => {
    let [along, still, moved] = [0, 0, 0];
    for (let index = 0; index < 16; index++) {
      const { first, second, flow, size } = train(index, 64);
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          const p = y * size + x;
          const [u, v] = [Math.round(x + flow[2 * p]!), Math.round(y + flow[2 * p + 1]!)];
          if (!(u >= 0 && v >= 0 && u < size && v < size) || Math.hypot(u - x, v - y) < 2) continue;
          moved++;
          for (let c = 0; c < 3; c++) {
            along += Math.abs(first[3 * p + c]! - second[3 * (v * size + u) + c]!);
            still += Math.abs(first[3 * p + c]! - second[3 * p + c]!);
          }
        }
      }
    }
    expect(moved).toBeGreaterThan(1000);
    // What is covered in the second picture has no like there; all else does.
    expect(along / still).toBeLessThan(0.7);
  });

  test("a mixture takes its share of each, by the number", () => {
    const named = (value: number) => (_index: number, size: number) => ({
      size,
      first: Float32Array.of(value),
      second: new Float32Array(1),
      flow: new Float32Array(1),
    });
    const mixed = mixPairs(named(0), named(1), 0.25, 9);
    const drawn = Array.from({ length: 400 }, (_, i) => mixed(i, 8).first[0]!);
    const share = drawn.reduce((sum, x) => sum + x, 0) / 400;
    expect(share).toBeGreaterThan(0.18);
    expect(share).toBeLessThan(0.32);
    expect(mixed(17, 8).first[0]).toBe(drawn[17]);
  });
});
