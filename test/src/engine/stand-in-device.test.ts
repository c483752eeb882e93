/**
 * @file The torch engine on a device beside the CPU whose memory the CPU cannot touch (test/support/stand-in-device): what a
 * GPU would need of the addon, on machines without one.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../..", import.meta.url));
const support = join(root, "test/support/stand-in-device");
// Both are set where the whole suite runs on a device already.
const isNested = process.env["MOTIONCUE_DEVICE"] !== undefined;
const built = isNested
  ? "the suite runs on a chosen device"
  : await run("bash", [join(support, "build.sh")]).then(
      () => undefined,
      (error: { stderr?: string }) => (error.stderr ?? "").trim().split("\n").at(-1) || "it cannot be built",
    );
if (built) console.log(`skipped: the stand-in device (${built})`);

const ON_DEVICE = {
  ...process.env,
  MOTIONCUE_DEVICE: "privateuseone",
  NODE_OPTIONS: `--import ${join(support, "load.mjs")}`,
};

describe.skipIf(built)("on a device beside the CPU", () => {
  it("tfjs's own specs pass", async () => {
    const { stdout } = await run(process.execPath, ["conformance/run.mjs"], {
      cwd: root,
      env: ON_DEVICE,
      maxBuffer: 2 ** 26,
    });
    expect(stdout.trim().split("\n").at(-1)).toBe("torch: 4221 passed, 0 failed, 4 excluded");
  });

  it("so do our tests of kernels, fused functions, networks and refinement", async () => {
    const report = join(await mkdtemp(join(tmpdir(), "stand-in-device-")), "report.json");
    const files = [
      "test/src/engine/fused.test.ts",
      "test/src/engine/precision.test.ts",
      "test/src/engine/torch-device.test.ts",
      "test/src/engine/torch-kernels.test.ts",
      "test/flow/raft.test.ts",
      "test/smpl/regressor.test.ts",
      "test/pipelines/clips/prepare.test.ts",
    ];
    const args = [join(support, "run.sh"), "--reporter=json", `--outputFile=${report}`, ...files];
    await run("bash", args, { cwd: root, maxBuffer: 2 ** 26 }).catch(() => undefined);
    const results: { success: boolean; testResults: { assertionResults: { status: string; fullName: string }[] }[] } =
      JSON.parse(await readFile(report, "utf8"));
    const all = results.testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(all.filter(({ status }) => status === "failed").map(({ fullName }) => fullName)).toEqual([]);
    // A file whose process ended has no results.
    expect(results.testResults.filter(({ assertionResults }) => assertionResults.length > 0).length).toBe(files.length);
    expect(results.success).toBe(true);
  });

  it("a function that reads the device's memory as if it were the CPU's ends the process", async () => {
    const program = `
      import { fusedMany, loadAddon, upload, DTYPE } from "./src/engine/torch/native.ts";
      loadAddon();
      const x = upload(new Float32Array(64), [1, 4, 4, 4], DTYPE.float32);
      console.log("before");
      fusedMany("instanceNorm")(x, 1e-5);
      console.log("after");`;
    const args = ["--import", "tsx", "--input-type=module", "-e", program];
    const ended = await run(process.execPath, args, { cwd: root, env: ON_DEVICE }).then(
      ({ stdout }) => ({ stdout, signal: null }),
      (error: { stdout: string; signal: string | null }) => error,
    );
    expect(ended).toMatchObject({ stdout: "before\n", signal: "SIGSEGV" });
  });
});
