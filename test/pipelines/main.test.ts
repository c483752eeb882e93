import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { commandLoaders } from "../../pipelines/commands.ts";
import { expectRefusal, motioncue } from "../support/motioncue.ts";

describe("motioncue", () => {
  it("lists every command in its help, on stdout", async () => {
    const run = await motioncue(["--help"]);
    expect(run.code).toBe(0);
    expect(run.stderr).toBe("");
    for (const name of Object.keys(commandLoaders)) expect(run.stdout).toMatch(new RegExp(`^  ${name} `, "m"));
  });

  it("gives every command its name, so that the registry finds it", async () => {
    for (const [name, load] of Object.entries(commandLoaders)) {
      const { command } = await load();
      expect(command.name).toBe(name);
      const leaves = "commands" in command ? command.commands : [command];
      for (const leaf of leaves) {
        const path = leaf === command ? name : `${name} ${leaf.name}`;
        expect(leaf.example.startsWith(`${path} `), leaf.example).toBe(true);
      }
    }
  });

  it.each([
    [[], /^motioncue: expected a command: refine, /],
    [["refien"], /^motioncue: unknown command "refien" .*did you mean "refine"\?/],
    [["--nope"], /^motioncue: unknown option '--nope'/],
    [["help", "nix"], /^motioncue: unknown command "nix"/],
    [[""], /^motioncue: unknown command ""/],
  ])("refuses %j with code 2 and one line", async (argv, message) => {
    await expectRefusal(argv, 2, message);
  });

  it("shows where a failure came from only when asked to", async () => {
    const run = await motioncue(["inspect", "/nowhere"], { env: { MOTIONCUE_DEBUG: "1" } });
    expect(run.stderr).toMatch(/^\s+at .*inspect/m);
    expect(run.code).toBe(1);
  });

  it("prints the version of package.json", async () => {
    const { version } = await import("../../package.json", { with: { type: "json" } }).then((module) => module.default);
    expect((await motioncue(["--version"])).stdout).toBe(`${version}\n`);
  });

  it("is not upset by a reader that leaves", () => {
    const program = fileURLToPath(new URL("../../scripts/motioncue.mjs", import.meta.url));
    const line = `"${process.execPath}" "${program}" refine --help | true; echo "\${PIPESTATUS[0]}"`;
    expect(execFileSync("bash", ["-c", line], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })).toBe("0\n");
  });
});
