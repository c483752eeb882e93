/** @file The part template: Gaussian parts, the anchors on them, which anchors join, and which joints anchors make up. */
import { readFileSync } from "node:fs";
import { FormatError } from "../src/errors.ts";

/** One elongated Gaussian blob. Coordinates are x right, y down, on the template's canvas. */
export interface TemplatePart {
  readonly name: string;
  readonly centre: readonly [x: number, y: number];
  /** Deviations along rows and columns before the turn by `angle`, in canvas pixels. */
  readonly sigmaRows: number;
  readonly sigmaColumns: number;
  /** Radians. */
  readonly angle: number;
}

/** A point that moves with its part. */
export interface TemplateAnchor {
  /** Index of its part. */
  readonly part: number;
  readonly point: readonly [x: number, y: number];
}

/** A joint: the mean of some anchors, which the template has at one place. */
export interface TemplateJoint {
  readonly name: string;
  /** Indices of anchors. */
  readonly anchors: readonly number[];
}

export interface PartTemplate {
  readonly name: string;
  /** Who published these numbers. */
  readonly origin: string;
  /** Side of the square canvas in pixels. */
  readonly canvas: number;
  /** "left" and "right" are sides of the image: a person who faces the camera has the right arm at `left-arm`. */
  readonly parts: readonly TemplatePart[];
  /** Part by part. */
  readonly anchors: readonly TemplateAnchor[];
  /** Pairs of anchors that belong together. */
  readonly joins: readonly (readonly [number, number])[];
  readonly joints: readonly TemplateJoint[];
}

export const TEMPLATE_NAMES = ["arms-out", "arms-down", "standing"] as const;

/** The template of that name which comes with the project, else the one in that file. Throws FormatError. */
export function loadTemplate(nameOrPath: string): PartTemplate {
  const known = (TEMPLATE_NAMES as readonly string[]).includes(nameOrPath);
  const path = known ? new URL(`./data/${nameOrPath}.json`, import.meta.url) : nameOrPath;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const choices = TEMPLATE_NAMES.join(", ");
    throw new FormatError(nameOrPath, `expected a template (${choices}) or its file, got ${(error as Error).message}`);
  }
  return parseTemplate(text, nameOrPath);
}

/** Most parts, and anchors of all parts, that a template file may have. */
const MOST = 256;

/** The template in a JSON text; throws FormatError, beginning with `where`, for anything else. */
export function parseTemplate(text: string, where: string): PartTemplate {
  const fail = (problem: string): never => {
    throw new FormatError(where, `expected a part template, got ${problem}; see templates/data/arms-out.json`);
  };
  const record = (value: unknown, what: string): Readonly<Record<string, unknown>> =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : fail(`a ${what} that is no object`);
  const list = (value: unknown, what: string): readonly unknown[] =>
    Array.isArray(value) && value.length > 0 && value.length <= MOST
      ? value
      : fail(`${what} that are no list of 1 to ${MOST}`);
  const number = (value: unknown, what: string): number =>
    typeof value === "number" && Number.isFinite(value) ? value : fail(`a ${what} that is no number`);
  const positive = (value: unknown, what: string): number =>
    number(value, what) > 0 ? (value as number) : fail(`a ${what} that is not above 0`);
  const name = (value: unknown): string =>
    typeof value === "string" && value !== "" ? value : fail("a name that is no text");
  const point = (value: unknown): readonly [number, number] => {
    const pair = list(value, "coordinates");
    return pair.length === 2 ? [number(pair[0], "coordinate"), number(pair[1], "coordinate")] : fail("no pair x, y");
  };

  let root: Readonly<Record<string, unknown>>;
  try {
    root = record(JSON.parse(text), "document");
  } catch (error) {
    if (error instanceof FormatError) throw error;
    return fail("text that is not JSON");
  }
  const anchors: TemplateAnchor[] = [];
  const indexOf = new Map<string, number>();
  const parts = list(root["parts"], "parts").map((value, part): TemplatePart => {
    const given = record(value, "part");
    const partName = name(given["name"]);
    if (indexOf.has(`${partName}.0`)) fail(`two parts named ${partName}`);
    list(given["anchors"], "anchors").forEach((anchor, i) => {
      indexOf.set(`${partName}.${i}`, anchors.length);
      anchors.push({ part, point: point(anchor) });
    });
    if (anchors.length > MOST) fail(`more than ${MOST} anchors`);
    return {
      name: partName,
      centre: point(given["centre"]),
      sigmaRows: positive(given["sigmaRows"], "deviation"),
      sigmaColumns: positive(given["sigmaColumns"], "deviation"),
      angle: number(given["angle"], "angle"),
    };
  });
  const anchorIndex = (value: unknown): number =>
    indexOf.get(String(value)) ?? fail(`no anchor named ${JSON.stringify(value)}`);
  const joins = list(root["joins"], "joins").map((value) => {
    const pair = list(value, "joins").map(anchorIndex);
    return pair.length === 2 ? ([pair[0]!, pair[1]!] as const) : fail("a join that is no pair");
  });
  const joints = list(root["joints"], "joints").map((value) => {
    const given = record(value, "joint");
    return { name: name(given["name"]), anchors: list(given["anchors"], "anchors").map(anchorIndex) };
  });
  const origin = typeof root["origin"] === "string" ? root["origin"] : "";
  return {
    name: name(root["name"]),
    origin,
    canvas: positive(root["canvas"], "canvas"),
    parts,
    anchors,
    joins,
    joints,
  };
}

/** Index of the part of that name; throws FormatError where the template has none. */
export function partIndex(template: PartTemplate, name: string): number {
  const index = template.parts.findIndex((part) => part.name === name);
  if (index < 0) throw new FormatError(template.name, `expected a part "${name}", got a template without it`);
  return index;
}

/** The joints' places in the untransformed template, [x, y] each on a canvas of `size` pixels. */
export function templateJoints(template: PartTemplate, size: number): [number, number][] {
  const scale = size / template.canvas;
  return template.joints.map(({ anchors }) => {
    const points = anchors.map((anchor) => template.anchors[anchor]!.point);
    const mean = (axis: 0 | 1) => (scale * points.reduce((sum, p) => sum + p[axis], 0)) / points.length;
    return [mean(0), mean(1)];
  });
}

/** For every joint the one on the other side of the image, by the names' `left-` and `right-`. */
export function mirroredJoints(names: readonly string[]): number[] {
  const mirrored = (name: string) =>
    name.startsWith("left-") ? name.replace("left-", "right-") : name.replace("right-", "left-");
  return names.map((name, i) => {
    const other = names.indexOf(mirrored(name));
    return other < 0 ? i : other;
  });
}
