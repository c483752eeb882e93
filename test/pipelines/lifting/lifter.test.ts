import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { templateJointMap } from "../../../pipelines/labelled/template-joints.ts";
import {
  createLifter,
  type LifterSpec,
  loadLifter,
  saveLifter,
  withDepthSign,
} from "../../../pipelines/lifting/lifter.ts";
import { LIFTED_JOINTS } from "../../../pipelines/lifting/poses.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { type Tensor3D, tf } from "../../../src/engine/tf.ts";
import { readSafetensors, writeSafetensors } from "../../../src/io/safetensors.ts";
import { createRandom } from "../../../src/random.ts";
import { failure, temporaryFolder } from "../../support/files.ts";

beforeAll(() => startEngine());

const J = LIFTED_JOINTS.length;
const spec = (more: Partial<LifterSpec> = {}): LifterSpec => ({
  joints: LIFTED_JOINTS,
  width: 8,
  blocks: 1,
  output: "points",
  sides: "person",
  depthSign: 1,
  ...more,
});
/** Two poses whose root is at 0. */
function poses(): Tensor3D {
  const random = createRandom(3, "poses");
  const values = Array.from({ length: 2 * J * 2 }, (_, i) => (i % (2 * J) < 2 ? 0 : random.normal(0, 0.07)));
  return tf.tensor3d(values, [2, J, 2]);
}
const lifted = (more: Partial<LifterSpec>, points = poses()) => {
  const lifter = createLifter(spec(more), 4);
  const found = [...lifter.lift(points).dataSync()];
  lifter.dispose();
  return found;
};
const near = (values: readonly number[]) => values.map((x) => expect.closeTo(x, 4));

describe("a lifter", () => {
  test.each(["points", "depths"] as const)(
    "gives skeletons from the root, %s: twice as large for twice the points",
    (output) => {
      const found = lifted({ output });
      expect(found).toHaveLength(2 * J * 3);
      for (const b of [0, 1]) expect(found.slice(b * J * 3, b * J * 3 + 3)).toEqual([0, 0, 0]);
      const twice = lifted({ output }, tf.mul(poses(), 2));
      // On rays the picture's size also tells how far off the axis a joint is.
      if (output === "points") expect(twice).toEqual(near(found.map((x) => 2 * x)));
      else
        expect(twice.filter((_, i) => i % 3 === 2)).toEqual(
          near(found.filter((_, i) => i % 3 === 2).map((z) => 2 * z)),
        );
    },
  );

  test("of depths keeps every joint on its ray", () => {
    const found = lifted({ output: "depths" });
    const points = [...poses().dataSync()];
    for (let j = 0; j < 2 * J; j++) {
      const z = 10 + found[3 * j + 2]!;
      expect(found[3 * j]! / z).toBeCloseTo(points[2 * j]!, 5);
      expect(found[3 * j + 1]! / z).toBeCloseTo(points[2 * j + 1]!, 5);
    }
  });

  test("that knows the picture's sides only says the same whichever way they are named", () => {
    const { mirror } = templateJointMap(LIFTED_JOINTS);
    const index = tf.tensor1d([...mirror], "int32");
    const exchanged = (values: number[]) =>
      Array.from({ length: values.length }, (_, i) => {
        const [b, j, k] = [Math.floor(i / (3 * J)), Math.floor(i / 3) % J, i % 3];
        return values[(b * J + mirror[j]!) * 3 + k]!;
      });
    const other = () => tf.gather(poses(), index, 1) as Tensor3D;
    expect(lifted({ sides: "picture" }, other())).toEqual(near(exchanged(lifted({ sides: "picture" }))));
    expect(lifted({ sides: "person" }, other())).not.toEqual(near(exchanged(lifted({ sides: "person" }))));
  });

  test("is turned inside out by its sign, in depth alone", () => {
    const [front, back] = [lifted({}), lifted({ depthSign: -1 })];
    expect(back).toEqual(near(front.map((x, i) => (i % 3 === 2 ? -x : x))));
    const lifter = createLifter(spec({ output: "depths" }), 4);
    const [z, w] = [lifter, withDepthSign(lifter, -1)].map((one) => [...one.lift(poses()).dataSync()].filter((_, i) => i % 3 === 2)); // biome-ignore format: one line
    expect(w).toEqual(near(z!.map((x) => -x)));
    lifter.dispose();
  });
});

describe("its file", () => {
  test("gives the same lifter back; other files and headers are refused", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "lifter.safetensors");
    const lifter = createLifter(spec({ output: "depths", sides: "picture", depthSign: -1 }), 4);
    await saveLifter(path, lifter, 0.55, { note: "x" });
    const loaded = await loadLifter(path);
    expect(loaded.metresPerUnit).toBe(0.55);
    expect(loaded.lifter.spec).toEqual(lifter.spec);
    expect([...loaded.lifter.lift(poses()).dataSync()]).toEqual([...lifter.lift(poses()).dataSync()]);
    const { tensors, metadata } = await readSafetensors(path);
    const refused = async (change: Record<string, string>) => {
      await writeSafetensors(path, tensors, { ...metadata, ...change });
      return failure(loadLifter(path));
    };
    expect(await refused({ format: "other" })).toMatch(/^FormatError: .*expected a lifter.*got other/);
    const broken = [{ width: 1e9 }, { joints: "pelvis" }, { sides: "both" }, { depthSign: 2 }, { blocks: 0 }];
    for (const change of broken)
      expect(await refused({ spec: JSON.stringify({ ...lifter.spec, ...change }) })).toContain("a lifter's spec");
    expect(await refused({ spec: "null" })).toContain("a lifter's spec");
    expect(await refused({ spec: "{" })).toContain("a lifter's spec");
    expect(await refused({ spec: JSON.stringify({ ...lifter.spec, width: 9 }) })).toContain("expected the weights");
  });
});
