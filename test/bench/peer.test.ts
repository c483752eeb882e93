/** @file What the peer is asked and how its answers are read. */
import { execFile } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { completeBenchOptions } from "../../bench/options.ts";
import { findPeer, parsePeerLines, peerArguments, runPeer } from "../../bench/peer.ts";
import { casesOf } from "../../bench/stages.ts";
import { shared } from "../support/shared.ts";

const options = completeBenchOptions({ threads: 2, peerEnv: "asis", repeats: 4, warmup: 1 });
const flowLine =
  '{"stage": "flow", "ms_median": 154.5, "ms_min": 150, "ms_max": 160, "batch": 2, "size": 224, "channels_last": true}';

it("is given the same threads, precision and calls, then what it chose itself", () => {
  const run = { name: "plain", args: ["flow", "--raft", "small"] };
  const first = peerArguments(run, options, { device: "cpu", video: "" });
  expect(first.join(" ")).toBe(
    "flow --raft small --threads 2 --dtype fp32 --env asis --repeats 4 --warmup 1 --device cpu",
  );
  const { settings } = parsePeerLines(flowLine)[0]!;
  const second = peerArguments(run, options, { device: "cpu", video: "", chosen: settings });
  expect(second.slice(first.length)).toEqual(["--channels-last", "on", "--flow-batch", "2"]);
});

it("gets the video for the pipeline alone", () => {
  const more = { device: "cuda", video: "a.mp4" } as const;
  expect(peerArguments({ name: "", args: ["pipeline"] }, options, more).slice(-2)).toEqual(["--video", "a.mp4"]);
  expect(peerArguments({ name: "", args: ["body"] }, options, more)).not.toContain("--video");
});

it("prints lines of JSON: median, part, and settings", () => {
  const [line, other] = parsePeerLines(`${flowLine}\n\n{"stage":"body","part":"forward","ms_median":2.9,"batch":16}\n`);
  expect(line).toEqual({ stage: "flow", median: 154.5, settings: { batch: 2, size: 224, channels_last: true } });
  expect(other).toMatchObject({ part: "forward", median: 2.9 });
});

it.each(["Traceback", '{"stage": "flow"}', '{"stage": "flow", "ms_median": 0}'])(
  "does not take %s for a timing",
  (text) => {
    expect(() => parsePeerLines(text)).toThrow("peer: expected");
  },
);

it("runs as a process whose lines are picked by part, and whose failure is told by its last line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "peer-"));
  const script = join(folder, "peer.mjs");
  // Stands in for the peer: Node takes the place of Python.
  await writeFile(
    script,
    `if (process.argv.includes("broken")) { console.error("first\\nValueError: no such layout"); process.exit(1); }
     for (const [part, ms] of [["forward", 3], ["forward+backward", 10]])
       console.log(JSON.stringify({ stage: "body", part, ms_median: ms, threads: process.env.OMP_NUM_THREADS ?? "own" }));`,
  );
  const peer = { python: process.execPath, script, torch: "none" };
  process.env["OMP_NUM_THREADS"] = "1";
  const line = await runPeer(peer, { name: "", args: [], part: "forward+backward" }, ["body"]);
  expect(line).toMatchObject({ median: 10, settings: { threads: "own" } });
  await expect(runPeer(peer, { name: "", args: [], part: "total" }, ["body"])).rejects.toThrow(
    "expected a line of total",
  );
  await expect(runPeer(peer, { name: "", args: [] }, ["broken"])).rejects.toThrow("ValueError: no such layout");
});

it("is missing where its script is", async () => {
  expect(await findPeer("/nowhere/peer.py")).toEqual({ missing: "the peer's script is not there" });
});

const script = shared("peers/torch_peer.py");
it.skipIf(!script)("knows every argument of every case", async () => {
  const cases = casesOf([], options.sizes).flatMap(({ item }) => item.peers);
  const chosen = { channels_last: false, batch: 4 };
  const asked = cases.map((run) => peerArguments(run, options, { device: "cpu", video: "a.mp4", chosen }));
  // --help ends it after all arguments before were read, and before torch is loaded.
  const ask = (args: string[]) => promisify(execFile)("python3", [script!, ...args, "--help"]);
  const distinct = new Map(asked.map((args) => [args.join(" "), args]));
  for (const args of distinct.values()) expect((await ask(args)).stdout).toContain("usage:");
  await expect(ask(["flow", "--raft", "huge"])).rejects.toThrow();
});
