import { expect, test } from "vitest";
import { colorWheel, flowToImage } from "../../flow/color-wheel.ts";
import { flowFieldFrom } from "../../flow/flow-field.ts";

const colors = (vectors: readonly (readonly [number, number])[], maxRadius?: number) => {
  const { data } = flowToImage(flowFieldFrom(Float32Array.from(vectors.flat()), 1, vectors.length), maxRadius);
  return vectors.map((_, i) => [...data.slice(3 * i, 3 * i + 3)]);
};

test("the wheel has 15 + 6 + 4 + 11 + 13 + 6 colours, each ramp beginning pure", () => {
  const wheel = colorWheel();
  const at = (index: number) => [...wheel.slice(3 * index, 3 * index + 3)];
  expect(wheel).toHaveLength(165);
  expect([0, 15, 21, 25, 36, 49].map(at)).toEqual([
    [255, 0, 0],
    [255, 255, 0],
    [0, 255, 0],
    [0, 255, 255],
    [0, 0, 255],
    [255, 0, 255],
  ]);
  expect(at(1)).toEqual([255, 17, 0]);
  expect(at(16)).toEqual([255 - 42, 255, 0]);
  expect(at(54)).toEqual([255, 0, 255 - 212]);
});

test("directions at full length", () => {
  const [right, down, left, up] = colors([
    [2, 0],
    [0, 2],
    [-2, 0],
    [0, -2],
  ]);
  expect(right).toEqual([255, 0, 0]);
  expect(down).toEqual([255, 229, 0]); // hue 13.5: between 221 and 238
  expect(left).toEqual([0, 255 - 46, 255]); // hue 27: two steps of eleven from cyan to blue
  expect(up).toEqual([88, 0, 255]); // hue 40.5: between 78 and 98
});

test("length is saturation up to the radius, and dark beyond it", () => {
  expect(
    colors(
      [
        [0, 0],
        [1, 0],
        [2, 0],
        [4, 0],
      ],
      2,
    ),
  ).toEqual([
    [255, 255, 255],
    [255, 127, 127],
    [255, 0, 0],
    [191, 0, 0],
  ]);
});

test("unknown is black and does not set the scale; a still field is white", () => {
  expect(
    colors([
      [1e10, 1e10],
      [Number.NaN, 0],
      [3, 0],
    ]),
  ).toEqual([
    [0, 0, 0],
    [0, 0, 0],
    [255, 0, 0],
  ]);
  expect(colors([[0, 0]])).toEqual([[255, 255, 255]]);
});
