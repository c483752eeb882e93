/** @file The real program, killed without warning at several moments, goes on and ends as if it had not been. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { temporaryFolder } from "../../support/files.ts";
import { motioncue } from "../../support/motioncue.ts";
import { writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

const program = fileURLToPath(new URL("../../../scripts/motioncue.mjs", import.meta.url));

/** Starts the program and sends SIGKILL as soon as `moment()` holds; false when it ended by itself before. */
function killWhen(args: readonly string[], moment: () => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [program, ...args], { stdio: "ignore" });
    const watch = setInterval(() => moment() && child.kill("SIGKILL"), 2);
    child.on("close", (_code, signal) => {
      clearInterval(watch);
      resolve(signal === "SIGKILL");
    });
  });
}

test("killed while preparing, right after a checkpoint and between two, it ends with the bits of a run left alone", async () => {
  await startEngine();
  const folder = temporaryFolder();
  const options = await writeTinyNetworks(folder);
  const video = await writeTinyVideo(folder, "block", 12);
  const flags = Object.entries({ ...options, steps: 12, checkpointEvery: 3 }).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    String(value),
  ]);
  const job = (out: string) => ["refine", video, ...flags, "--out", join(folder, out)];
  const alone = await motioncue(job("alone"));
  expect(alone.code, alone.stderr).toBe(0);

  const run = join(folder, "killed");
  const lines = () =>
    existsSync(join(run, "metrics.jsonl"))
      ? readFileSync(join(run, "metrics.jsonl"), "utf8").split("\n").length - 1
      : 0;
  const has = (path: string) => existsSync(join(run, path));
  const moments = [
    () => has("cache") && readdirSync(join(run, "cache")).some((name) => name.includes("partial")),
    () => has("checkpoints/step-00000003.safetensors"),
    () => lines() >= 8,
  ];
  for (const [i, moment] of moments.entries())
    expect(await killWhen([...job("killed"), ...(i > 0 ? ["--resume"] : [])], moment), `moment ${i}`).toBe(true);
  const last = await motioncue([...job("killed"), "--resume"]);
  expect(last.code, last.stderr).toBe(0);

  // Its checkpoints differ in the header, which holds the folder's name, but in no weight and no moment.
  const bits = (out: string) => readFileSync(join(folder, out, "checkpoints", "step-00000012.safetensors"));
  const data = (file: Buffer) => file.subarray(8 + Number(file.readBigUInt64LE(0)));
  expect(Buffer.compare(data(bits("killed")), data(bits("alone")))).toBe(0);
  expect(lines()).toBe(12);
  expect(readdirSync(join(run, "cache")).filter((name) => name.includes("partial"))).toEqual([]);
});
