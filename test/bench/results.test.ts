/** @file Kept results and the table in README that is made from them. */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { speedTables, withTable } from "../../bench/readme.ts";
import { allResults, type CaseResult, keepResult, type ResultFile, resultName } from "../../bench/results.ts";
import { caseIds, mismatch } from "../../bench/run.ts";

const setting = {
  device: "Some(R) CPU @ 2.10GHz",
  library: "libtorch 1.13",
  threads: 2,
  precision: "fp32",
  peerEnv: "tuned",
};
const one = (value: number) => ({ median: value, min: value - 1, max: value + 2 });
function result(ours: number, peers: Record<string, number>, label = "skinning"): CaseResult {
  const peer = (ms: number) => ({ torch: "2.1", value: one(ms), ratio: one(ms / ours), settings: {} });
  return {
    date: "2026-11-21T10:00:00.000Z",
    cpu: setting.device,
    load: 0.25,
    engine: { name: "torch", device: "cpu, 2 threads", version: "libtorch 1.13.0" },
    label,
    unit: "ms",
    sizes: { bodies: 16 },
    rounds: 5,
    repeats: 3,
    ours: one(ours),
    peers: Object.fromEntries(Object.entries(peers).map(([name, ms]) => [name, peer(ms)])),
  };
}

it("names files by device, libtorch, threads, precision and the peer's environment", () => {
  expect(resultName(setting)).toBe("some-cpu-2-10ghz-libtorch-1-13-2-threads-fp32-tuned.json");
  expect(resultName({ ...setting, device: "NVIDIA H200", precision: "bf16" })).toBe(
    "nvidia-h200-libtorch-1-13-2-threads-bf16-tuned.json",
  );
});

it("does not give up a comparison for a result without a peer", async () => {
  const folder = await mkdtemp(join(tmpdir(), "results-"));
  await keepResult(setting, "body", result(4, { "": 8 }), folder);
  await keepResult(setting, "body", result(5, {}), folder);
  await keepResult(setting, "engine", result(6, {}), folder);
  await keepResult(setting, "engine", result(7, {}), folder);
  const [file] = allResults(folder);
  expect(file!.cases["body"]).toEqual(result(4, { "": 8 }));
  expect(file!.cases["engine"]).toEqual(result(7, {}));
});

it("keeps the last result of each case, beside those of other cases", async () => {
  const folder = await mkdtemp(join(tmpdir(), "results-"));
  await keepResult(setting, "body", result(4, { "": 8 }), folder);
  await keepResult(setting, "flow", result(100, { plain: 150 }), folder);
  await keepResult(setting, "body", result(5, { "": 8 }), folder);
  await keepResult({ ...setting, peerEnv: "asis" }, "body", result(6, {}), folder);
  await writeFile(join(folder, "soak.json"), "{}");
  const [asis, tuned] = allResults(folder);
  expect(asis!.peerEnv).toBe("asis");
  expect(Object.keys(tuned!.cases)).toEqual(["body", "flow"]);
  expect(tuned!.cases["body"]!.ours.median).toBe(5);
});

it("tells where the peer runs on another libtorch than ours", () => {
  const engine = { name: "torch", device: "cpu, 2 threads", version: "libtorch 2.1.2" } as const;
  expect(mismatch({ ...result(4, { "": 8 }), engine })).toBeUndefined();
  expect(mismatch({ ...result(4, {}), engine })).toBeUndefined();
  expect(mismatch(result(4, { "": 8 }))).toContain("the peer runs on libtorch 2.1, ours on libtorch 1.13");
});

it("refuses a file that holds no results", async () => {
  const folder = await mkdtemp(join(tmpdir(), "results-"));
  await writeFile(join(folder, resultName(setting)), "[1]");
  expect(() => allResults(folder)).toThrow("expected kept benchmark results");
  expect(allResults(join(folder, "none"))).toEqual([]);
});

const files: ResultFile[] = [
  { ...setting, cases: { flow: result(100, { plain: 150, tight: 110 }, "RAFT"), body: result(4, { "": 8 }) } },
  { ...setting, peerEnv: "asis", cases: { flow: result(120, { plain: 240, tight: 120 }, "RAFT") } },
  { ...setting, threads: 1, cases: { call: result(3, {}, "a call") } },
];

it("makes a table per device, threads and precision, the peer as it comes beside the tuned one", () => {
  const lines = speedTables(files, ["body", "flow", "call", "none"]).split("\n");
  expect(lines.slice(0, 4)).toEqual([
    "| stage | MotionCue | PyTorch | ratio | PyTorch, untuned | ratio |",
    "| --- | --: | --: | --: | --: | --: |",
    "| skinning, ms | 4.00 (3.00 to 6.00) | 8.00 | 2.00 |  |  |",
    "| RAFT, ms (PyTorch plain / tight) | 100 (99.0 to 102) | 150 / 110 | 1.50 / 1.10 | 240 / 120 | 2.00 / 1.00 |",
  ]);
  expect(lines[5]).toBe(
    "Some(R) CPU @ 2.10GHz, 2 threads, fp32, libtorch 1.13.0, PyTorch 2.1; 2026-11-21; medians over 5 rounds, ours and PyTorch's in " +
      "turn (least to greatest); ratio = PyTorch's time over ours; load average at the start 0.250 to 0.250.",
  );
  expect(lines.slice(7, 10)).toEqual([
    "| stage | MotionCue | PyTorch | ratio |",
    "| --- | --: | --: | --: |",
    "| a call, ms | 3.00 (2.00 to 5.00) |  |  |",
  ]);
  expect(lines.at(-1)).toContain("Some(R) CPU @ 2.10GHz, 1 thread, fp32, libtorch 1.13.0; ");
});

it("replaces what is between README's markers, and nothing else", () => {
  const text = "# A\n<!-- bench -->\nold\n<!-- /bench -->\nrest\n";
  const once = withTable(text, "new");
  expect(once).toBe("# A\n<!-- bench -->\nnew\n<!-- /bench -->\nrest\n");
  expect(withTable(once, "new")).toBe(once);
  expect(() => withTable("# A\n", "new")).toThrow("expected the markers");
});

it("README shows the results that are kept", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  expect(readme).toBe(withTable(readme, speedTables(allResults(), caseIds())));
});
