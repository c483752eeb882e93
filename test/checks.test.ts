/** @file The tools that read the whole project: types, format and lint, unused files and exports. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Output of a failed run of one of the project's tools; "" where it found nothing. */
function complaints(tool: string, args: readonly string[]): Promise<string> {
  const options = { cwd: root, env: { ...process.env, NO_COLOR: "1" }, maxBuffer: 2 ** 26 };
  return new Promise((resolve) => {
    execFile(`${root}node_modules/.bin/${tool}`, args, options, (error, stdout, stderr) =>
      resolve(error ? `${stdout}${stderr}${stdout || stderr ? "" : error.message}` : ""),
    );
  });
}

it.each([
  ["tsc", ["--noEmit"]],
  ["biome", ["ci", "--colors=off", "--error-on-warnings", "--max-diagnostics=50", "."]],
  ["knip", ["--no-progress"]],
])("%s finds nothing", async (tool, args) => {
  expect(await complaints(tool, args)).toBe("");
});
