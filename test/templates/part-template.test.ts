import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/errors.ts";
import {
  loadTemplate,
  mirroredJoints,
  parseTemplate,
  partIndex,
  TEMPLATE_NAMES,
  templateJoints,
} from "../../templates/part-template.ts";
import { readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

/** Ours is not among them. */
const PUBLISHED = { "arms-out": "T_orig", "arms-down": "T_new", standing: undefined } as const;

describe.each(TEMPLATE_NAMES)("template %s", (name) => {
  const template = loadTemplate(name);

  it("has 18 parts, 32 anchors, 17 joins and 15 joints", () => {
    const { parts, anchors, joins, joints } = template;
    expect([parts.length, anchors.length, joins.length, joints.length]).toEqual([18, 32, 17, 15]);
  });

  it("joins anchors that lie at one place, and makes joints of such", () => {
    const at = (i: number) => template.anchors[i]!.point;
    for (const [a, b] of template.joins) expect(at(a)).toEqual(at(b));
    for (const { anchors } of template.joints) for (const i of anchors) expect(at(i)).toEqual(at(anchors[0]!));
    // Every anchor belongs to exactly one joint.
    expect(template.joints.flatMap(({ anchors }) => anchors).sort((a, b) => a - b)).toEqual(
      template.anchors.map((_, i) => i),
    );
  });

  it("holds the published numbers", () => {
    const published = PUBLISHED[name];
    const path = published && shared("golden/templates/parts.json");
    if (!path) return;
    interface Row {
      readonly name: string;
      readonly center_row_col: [number, number];
      readonly sx: number;
      readonly sy: number;
      readonly angle: number;
      readonly anchors_x_y: number[][];
    }
    const golden = readGolden<{ templates: Record<string, Row[]> }>(path).templates[published]!;
    expect(
      template.parts.map((part, k) => ({
        name: part.name.replace("-", " "),
        center_row_col: [part.centre[1], part.centre[0]],
        sx: part.sigmaRows,
        sy: part.sigmaColumns,
        angle: part.angle,
        anchors_x_y: template.anchors.filter((anchor) => anchor.part === k).map(({ point }) => [...point]),
      })),
    ).toEqual(golden);
  });
});

it("gives joints on a canvas of any size, and the other side of each", () => {
  const template = loadTemplate("arms-down");
  const names = template.joints.map(({ name }) => name);
  const joints = templateJoints(template, 128);
  expect(joints[names.indexOf("left-wrist")]).toEqual([43, 63.5]);
  expect(joints[names.indexOf("neck")]).toEqual([64, 34]);
  const mirrored = mirroredJoints(names);
  expect(names[mirrored[names.indexOf("left-wrist")]!]).toBe("right-wrist");
  expect(names[mirrored[names.indexOf("pelvis")]!]).toBe("pelvis");
  expect(mirrored.map((j) => mirrored[j]!)).toEqual(names.map((_, j) => j));
});

it("standing has people's proportions, and two sides alike", () => {
  const template = loadTemplate("standing");
  const names = template.joints.map(({ name }) => name);
  const joints = templateJoints(template, 256);
  const at = (name: string) => joints[names.indexOf(name)]!;
  // Drillis and Contini 1966: ankle, knee, hip and shoulder at 0.039, 0.285, 0.530 and 0.818 of the stature.
  const share = (at("left-hip")[1] - at("left-knee")[1]) / (at("left-shoulder")[1] - at("left-ankle")[1]);
  expect(share).toBeCloseTo((0.53 - 0.285) / (0.818 - 0.039), 2);
  const other = mirroredJoints(names);
  joints.forEach(([x, y], j) => {
    expect(joints[other[j]!]).toEqual([256 - x, y]);
  });
});

describe("parseTemplate", () => {
  const small = {
    name: "two",
    canvas: 64,
    parts: [
      { name: "a", centre: [10, 20], sigmaRows: 2, sigmaColumns: 3, angle: 0, anchors: [[12, 20]] },
      { name: "b", centre: [15, 20], sigmaRows: 2, sigmaColumns: 3, angle: 0.5, anchors: [[12, 20], [18, 20]] }, // biome-ignore format: short
    ],
    joins: [["a.0", "b.0"]],
    joints: [{ name: "middle", anchors: ["a.0", "b.0"] }],
  };

  it("reads a template of other parts", () => {
    const template = parseTemplate(JSON.stringify(small), "two.json");
    expect(template.joins).toEqual([[0, 1]]);
    expect(template.anchors.map(({ part }) => part)).toEqual([0, 1, 1]);
    expect(partIndex(template, "b")).toBe(1);
    expect(() => partIndex(template, "core")).toThrow('two: expected a part "core"');
  });

  it.each([
    ["no JSON", "{"],
    ["no object", "[1]"],
    ["no anchor named", JSON.stringify({ ...small, joins: [["a.0", "b.2"]] })],
    ["not above 0", JSON.stringify({ ...small, canvas: 0 })],
    ["two parts named a", JSON.stringify({ ...small, parts: [small.parts[0], small.parts[0]] })],
    ["no number", JSON.stringify({ ...small, parts: [{ ...small.parts[0], centre: [1, null] }] })],
    ["no list of 1 to 256", JSON.stringify({ ...small, parts: new Array(300).fill(small.parts[0]) })],
  ])("refuses a file with %s", (_, text) => {
    expect(() => parseTemplate(text, "bad.json")).toThrow(FormatError);
    expect(() => parseTemplate(text, "bad.json")).toThrow(/^bad\.json: expected a part template/);
  });

  it("says which names there are when a file is missing", () => {
    expect(() => loadTemplate("arms-up")).toThrow("arms-out, arms-down, standing");
  });
});
