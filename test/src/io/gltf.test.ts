import { expect, test } from "vitest";
import { type Figure, formatGlb } from "../../../src/io/gltf.ts";
import { strongestWeights } from "../../../src/io/skin-influences.ts";
import { animatedVertices, glbComplaints, glbJson, loadGlb } from "../../support/gltf.ts";

const QUARTER = Math.SQRT1_2;

/** A flag: a pole of one joint, and a second joint at its top that moves the tip. Three frames over a second. */
function flag(changes: Partial<Figure> = {}): Figure {
  return {
    name: "flag",
    positions: Float32Array.of(0, 0, 0, 0, 2, 0, 1, 2, 0),
    normals: Float32Array.of(0, 0, 1, 0, 0, 1, 0, 0, 1),
    triangles: Uint32Array.of(0, 2, 1),
    joints: [
      { name: "pole", parent: -1, position: [0, 0, 0] },
      { name: "top", parent: 0, position: [0, 2, 0] },
    ],
    weights: Float32Array.of(1, 0, 1, 0, 0, 1),
    colour: [0.5, 0.25, 1],
    times: Float32Array.of(0, 0.5, 1),
    // The top turns by 0, 90 and 180 degrees about y; the pole does not.
    rotations: Float32Array.of(...[0, 0, 0, 1, 0, 0, 0, 1], ...[0, 0, 0, 1, 0, QUARTER, 0, QUARTER], ...[0, 0, 0, 1, 0, 1, 0, 0]), // biome-ignore format: one frame each
    roots: Float32Array.of(5, 0, 0, 5, 0, 0, 5, 0, 3),
    ...changes,
  };
}
const bytesOf = (figures: readonly Figure[]) =>
  new Uint8Array(Buffer.concat(formatGlb({ figures, camera: { verticalField: 0.9, aspect: 1.5 } })));

test("three.js animates the figure as its joints say", async () => {
  const gltf = await loadGlb(bytesOf([flag()]));
  const at = (seconds: number) =>
    [...animatedVertices(gltf, "flag_body", seconds)].map((v) => Math.round(v * 1e5) / 1e5 + 0);
  expect(at(0)).toEqual([5, 0, 0, 5, 2, 0, 6, 2, 0]);
  // +x turned by 90 degrees about y is -z.
  expect(at(0.5)).toEqual([5, 0, 0, 5, 2, 0, 5, 2, -1]);
  // Half-way between two keys: 135 degrees, and half of the root's way.
  expect(at(0.75)).toEqual([5, 0, 1.5, 5, 2, 1.5, 4.29289, 2, 0.79289]);
  expect(gltf.animations.map(({ name, duration }) => [name, duration])).toEqual([["motion", 1]]);
  expect(gltf.cameras).toHaveLength(1);
});

test("the document: joints by name, rest pose in the skin, the first frame in the nodes", () => {
  const document = glbJson(bytesOf([flag()])) as Record<string, Record<string, unknown>[]>;
  expect(document["nodes"]!.map(({ name }) => name)).toEqual(["pole", "top", "flag", "flag body", "camera"]);
  expect(document["nodes"]![0]).toMatchObject({ translation: [5, 0, 0], children: [1] });
  expect(document["nodes"]![1]).toMatchObject({ translation: [0, 2, 0], rotation: [0, 0, 0, 1] });
  expect(document["skins"]![0]).toMatchObject({ joints: [0, 1], skeleton: 0 });
  expect(document["accessors"]![0]).toMatchObject({ count: 3, type: "VEC3", min: [0, 0, 0], max: [1, 2, 0] });
  expect(document["scenes"]![0]).toEqual({ nodes: [2, 3, 4] });
});

test("Khronos's validator finds nothing: one figure, two with times of their own, a single pose", async () => {
  const late = flag({ name: "late", times: Float32Array.of(2, 2.5, 3), span: [2, 3.5] });
  const pose = flag({ times: Float32Array.of(0), rotations: flag().rotations.slice(8, 16), roots: Float32Array.of(1, 2, 3) }); // biome-ignore format: one call
  for (const figures of [[flag()], [flag({ span: [0, 1.5] }), late], [pose]])
    expect(await glbComplaints(bytesOf(figures))).toEqual([]);
  expect(glbJson(bytesOf([pose]))["animations"]).toBeUndefined();
});

test("outside its span a figure is nothing", async () => {
  const late = flag({ name: "late", times: Float32Array.of(2, 2.5, 3), span: [2, 3.5] });
  const gltf = await loadGlb(bytesOf([flag(), late]));
  const width = (seconds: number) => {
    const vertices = animatedVertices(gltf, "late_body", seconds);
    return Math.abs(vertices[4]! - vertices[1]!);
  };
  expect(width(1.9)).toBe(0);
  expect(width(2.1)).toBeCloseTo(2, 5);
});

test("four weights at most, the greatest, summing to 1", () => {
  const row = [0.1, 0.3, 0.05, 0.2, 0.25, 0.1];
  const { indices, weights } = strongestWeights(Float32Array.of(...row, 0, 0, 0, 0, 0, 1), 6);
  expect([...indices]).toEqual([1, 4, 3, 0, 5, 0, 0, 0]);
  const expected = [0.3, 0.25, 0.2, 0.1].map((w) => w / 0.85);
  expect([...weights.slice(0, 4)].map((w) => Math.round(w * 1e6))).toEqual(expected.map((w) => Math.round(w * 1e6)));
  expect([...weights.slice(4)]).toEqual([1, 0, 0, 0]);
});

test.each([
  [{ roots: new Float32Array(3) }, "roots: expected shape [9], got [3]"],
  [{ normals: new Float32Array(6) }, "normals: expected shape [9]"],
  [{ positions: Float32Array.of(0, Number.NaN, 0, 0, 0, 0, 0, 0, 0) }, "positions: must be finite"],
  [{ times: Float32Array.of(0, 0, 1) }, "must be rising"],
  [{ times: Float32Array.of(-1, 0, 1) }, "must be rising seconds from 0"],
  [{ joints: [flag().joints[0]!, { ...flag().joints[1]!, parent: 1 }] }, "expected a parent before joint 1"],
  [{ triangles: new Uint32Array() }, "needs frames, joints, vertices and triangles"],
] as const)("figures that do not fit together are refused: %#", (changes, message) => {
  expect(() => bytesOf([flag(changes)])).toThrow(`glTF flag`);
  expect(() => bytesOf([flag(changes)])).toThrow(message);
});
