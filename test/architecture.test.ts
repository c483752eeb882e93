/** @file The design's table of imports, and the size and documentation of sources, held for every file. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Which folders the files of a folder may import from, besides their own. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  src: [],
  smpl: ["src"],
  flow: ["src"],
  templates: ["src"],
  pipelines: ["src", "smpl", "flow", "templates"],
  bench: ["src", "smpl", "flow", "templates", "pipelines"],
  experiments: ["src", "smpl", "flow", "templates", "pipelines", "bench"],
};
/**
 * The rooms of pipelines/ in their order: a room is a folder, a file at the top, or both of one name, and imports from
 * rooms before it only.
 */
const ROOMS = [
  ...["run", "labelled", "cues", "motion", "clips", "shared-options", "flow", "bodies", "export", "infer"],
  ...["synth", "synth-flow", "evaluate", "render", "templates", "refine", "train", "lifting", "inspect", "demo"],
  ...["index", "cli", "commands", "main"],
];
const MOST_LINES = 300;

function filesBelow(folder: string): string[] {
  const path = join(root, folder);
  // A room of the house that nobody lives in yet is not in a clone.
  if (!existsSync(path)) return [];
  return readdirSync(path).flatMap((name) => {
    const below = join(folder, name);
    if (statSync(join(root, below)).isDirectory()) return filesBelow(below);
    return /\.(ts|mjs|cc|h|sh)$/.test(name) ? [below] : [];
  });
}

const all = Object.keys(MAY_IMPORT).flatMap(filesBelow);
const sources = all.filter((path) => path.endsWith(".ts"));
const text = new Map(all.map((path) => [path, readFileSync(join(root, path), "utf8")]));

/** Relative imports of a file as paths from the root; those of types only are marked. */
function importsOf(path: string): { readonly to: string; readonly typeOnly: boolean }[] {
  const found = [
    ...text.get(path)!.matchAll(/(?:^(import type |import |export )[^;"]*?|import\()"(\.{1,2}\/[^"]+)"/gm),
  ];
  return found.map(([, keyword, target]) => ({
    to: relative(root, resolve(root, dirname(path), target!)),
    typeOnly: keyword === "import type ",
  }));
}

describe("imports", () => {
  it("follow the table: src <- smpl, flow, templates <- pipelines", () => {
    const wrong = sources.flatMap((path) => {
      const folder = path.split("/")[0]!;
      return importsOf(path)
        .filter(({ to }) => ![folder, ...MAY_IMPORT[folder]!, "build"].includes(to.split("/")[0]!))
        .map(({ to }) => `${path} imports ${to}`);
    });
    expect(wrong).toEqual([]);
  });

  it("of pipelines/ lead from later rooms to earlier ones", () => {
    const placeOf = (path: string) => ROOMS.indexOf(path.split("/")[1]!.replace(/\.ts$/, ""));
    const inside = sources.filter((path) => path.startsWith("pipelines/"));
    expect(inside.filter((path) => placeOf(path) < 0)).toEqual([]);
    const backwards = inside.flatMap((path) =>
      importsOf(path)
        .filter(({ to }) => to.startsWith("pipelines/") && placeOf(to) > placeOf(path))
        .map(({ to }) => `${path} imports ${to}`),
    );
    expect(backwards).toEqual([]);
  });

  it("lead to files that exist, and name their extension", () => {
    const missing = sources.flatMap((path) =>
      importsOf(path)
        .filter(({ to }) => !text.has(to) && !to.startsWith("build/"))
        .map(({ to }) => `${path} imports ${to}`),
    );
    expect(missing).toEqual([]);
  });

  it("take tfjs from src/engine/tf.ts alone", () => {
    const others = sources.filter(
      (path) => !path.startsWith("src/engine/") && text.get(path)!.includes('"@tensorflow/'),
    );
    expect(others).toEqual([]);
  });

  it("have no cycles, types left aside", () => {
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === "done") return;
      if (state.get(path) === "open") {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
        return;
      }
      state.set(path, "open");
      for (const { to, typeOnly } of importsOf(path)) if (!typeOnly && text.has(to)) visit(to, [...trail, path]);
      state.set(path, "done");
    };
    for (const path of sources) visit(path, []);
    expect(cycles).toEqual([]);
  });
});

describe("every source file", () => {
  it(`has at most ${MOST_LINES} lines`, () => {
    const long = all.map((path) => [path, text.get(path)!.trimEnd().split("\n").length] as const);
    expect(long.filter(([, lines]) => lines > MOST_LINES)).toEqual([]);
  });

  it("says in its first lines what it is", () => {
    expect(sources.filter((path) => !/^\/\*\*\s+(\* )?@file /.test(text.get(path)!))).toEqual([]);
  });

  it("documents every function that it exports", () => {
    const bare = sources.flatMap((path) => {
      const lines = text.get(path)!.split("\n");
      return lines.flatMap((line, i) => {
        const name = /^export (?:async )?function\*? (\w+)/.exec(line)?.[1];
        return name && !isDocumented(lines, i, name) ? [`${path}: ${name}`] : [];
      });
    });
    expect(bare).toEqual([]);
  });

  it("has no default export and leaves nothing for later", () => {
    const pattern = /^export default|\b(TODO|FIXME|XXX)\b|@ts-ignore|@ts-expect-error|\bas any\b|: any[\s;,)=>\]]/m;
    expect(all.filter((path) => pattern.test(text.get(path)!))).toEqual([]);
  });
});

/** A comment ends right above line `i`; overloads share the comment of the first. */
function isDocumented(lines: readonly string[], i: number, name: string): boolean {
  const above = lines[i - 1] ?? "";
  if (above.trimEnd().endsWith("*/")) return true;
  return lines
    .slice(0, i)
    .some((line, j) => line.startsWith(`export function ${name}`) && lines[j - 1]?.endsWith("*/"));
}
