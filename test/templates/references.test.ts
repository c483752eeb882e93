import { beforeAll, expect, it } from "vitest";
import { startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { createRandom } from "../../src/random.ts";
import { hideCells, mirrorImages, REFERENCE_MASK, unmirrorKeypoints } from "../../templates/references.ts";
import { expectClose } from "../support/matchers.ts";

beforeAll(async () => {
  await startEngine();
});

it("hideCells hides whole cells, about the share asked for, others in each picture", () => {
  const images = tf.ones([2, 64, 64, 3]) as tf.Tensor4D;
  const masked = hideCells(images, createRandom(3, "mask"), REFERENCE_MASK);
  const cells = Array.from(tf.avgPool(masked, 4, 4, "valid").dataSync());
  expect([...new Set(cells)].sort()).toEqual([0, 1]);
  const shown = cells.reduce((sum, x) => sum + x, 0) / cells.length;
  expect(shown).toBeGreaterThan(0.12);
  expect(shown).toBeLessThan(0.28);
  expect(cells.slice(0, 768)).not.toEqual(cells.slice(768));
  expectClose(hideCells(images, createRandom(3, "mask"), { cells: 5, share: 0 }), images.dataSync());
});

it("a point found in the mirrored picture is taken back to its place and side", () => {
  const images = tf.buffer([1, 4, 6, 1]);
  images.set(1, 0, 2, 1, 0);
  const mirrored = mirrorImages(images.toTensor() as tf.Tensor4D).dataSync();
  expect(mirrored[2 * 6 + 4]).toBe(1);
  // Found at (4, 2) as joint 1; it is joint 0 at (1, 2) of a picture 6 wide.
  const back = unmirrorKeypoints(tf.tensor3d([[[0, 0], [4, 2]]]), 6, [1, 0]); // biome-ignore format: short
  expectClose(back, [1, 2, 5, 0]);
});
