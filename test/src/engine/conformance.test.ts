/** @file tfjs-core's own test suite passes on our engines, but for what conformance/exclusions.json names with a reason. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { probeEngines } from "../../../src/engine/probe.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "motioncue-conformance-"));
afterAll(() => rmSync(folder, { recursive: true }));

const torch = (await probeEngines()).find((probe) => probe.name === "torch")!;
if (!torch.available) console.log(`skipped: conformance of the torch engine (${torch.detail})`);

/** Runs conformance/run.mjs; what it wrote last, and its report. */
function conformance(engine: string): Promise<{ last: string; report: Record<string, unknown> }> {
  const report = join(folder, `${engine}.json`);
  const args = ["conformance/run.mjs", "--engine", engine, "--report", report];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (!stdout.includes(`${engine}: `)) return reject(error ?? new Error(stderr));
      resolve({ last: stdout.trim().split("\n").at(-1)!, report: JSON.parse(readFileSync(report, "utf8")) });
    });
  });
}

describe.each(torch.available ? ["torch", "wasm"] : ["wasm"])("%s", (engine) => {
  it("passes every spec that is not excluded", async () => {
    const { last, report } = await conformance(engine);
    console.log(last);
    expect(report["failures"]).toEqual([]);
    // tfjs-core 4.22.0 has 4,225 specs for a backend that is not its own cpu one.
    expect(Number(report["passed"]) + Number(report["excluded"])).toBe(4225);
    expect(last).toBe(`${engine}: ${report["passed"]} passed, 0 failed, ${report["excluded"]} excluded`);
  });
});

it("each exclusion names engines and says why, in a sentence or more", () => {
  const path = join(root, "conformance/exclusions.json");
  const exclusions: { engines: string[]; spec: string; reason: string }[] = JSON.parse(readFileSync(path, "utf8"));
  for (const { engines, spec, reason } of exclusions) {
    expect(engines.every((engine) => ["torch", "wasm"].includes(engine))).toBe(true);
    expect(spec).toMatch(/\S/);
    expect(reason, spec).toMatch(/^[A-Z].{30,}\.$/);
  }
  expect(new Set(exclusions.map(({ spec }) => spec)).size).toBe(exclusions.length);
});

it("refuses an engine that it does not know", async () => {
  await expect(conformance("webgl")).rejects.toThrow(/expected --engine torch, wasm, cpu, got "webgl"/);
});
