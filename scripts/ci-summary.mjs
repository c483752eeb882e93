/**
 * @file Prints `N passed, N failed, N skipped` from vitest's JSON report and ends with the test run's own exit status.
 * Usage: node ci-summary.mjs REPORT STATUS. A file that could not be loaded counts as one failed test, and so does a
 * run that failed in another way (a crash, an error outside any test).
 */
import { readFileSync } from "node:fs";

const [path, statusText] = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const file of readReport(path)) {
  const states = file.assertionResults.map((test) => test.status);
  for (const state of states) counts[state === "passed" || state === "failed" ? state : "skipped"]++;
  if (file.status === "failed" && !states.includes("failed")) counts.failed++;
}
let status = Number(statusText);
if (counts.passed + counts.failed === 0 && status === 0) status = 1;
if (status !== 0 && counts.failed === 0) counts.failed = 1;
if (status === 0 && counts.failed > 0) status = 1;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = status;

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).testResults;
  } catch {
    return [];
  }
}
