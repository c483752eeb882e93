import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "../support/files.ts";

const script = fileURLToPath(new URL("../../scripts/ci-summary.mjs", import.meta.url));
const tests = (...states: string[]) => ({
  status: states.includes("failed") ? "failed" : "passed",
  assertionResults: states.map((status) => ({ status })),
});
const unloadable = { status: "failed", assertionResults: [] };

it.each([
  [
    "all well",
    [tests("passed", "passed"), tests("passed", "pending", "todo", "skipped")],
    0,
    "3 passed, 0 failed, 3 skipped",
    0,
  ],
  ["failed tests", [tests("passed", "failed", "failed")], 1, "1 passed, 2 failed, 0 skipped", 1],
  ["a file that cannot be loaded", [tests("passed"), unloadable], 1, "1 passed, 1 failed, 0 skipped", 1],
  ["an error outside any test", [tests("passed")], 1, "1 passed, 1 failed, 0 skipped", 1],
  ["another exit status", [tests("passed")], 137, "1 passed, 1 failed, 0 skipped", 137],
  ["no test at all", [], 0, "0 passed, 1 failed, 0 skipped", 1],
  ["no report", undefined, 2, "0 passed, 1 failed, 0 skipped", 2],
])("counts %s", (_name, files, status, line, code) => {
  const report = join(temporaryFolder(), "report.json");
  if (files) writeFileSync(report, JSON.stringify({ testResults: files }));
  const run = spawnSync(process.execPath, [script, report, String(status)], { encoding: "utf8" });
  expect([run.stdout, run.stderr, run.status]).toEqual([`${line}\n`, "", code]);
});
