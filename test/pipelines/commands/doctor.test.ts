import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../support/files.ts";
import { expectRefusal, motioncue } from "../../support/motioncue.ts";

interface Report {
  readonly findings: readonly {
    readonly name: string;
    readonly isFound: boolean;
    readonly detail: string;
    readonly advice?: string;
  }[];
  readonly isUsable: boolean;
}

describe("motioncue doctor", () => {
  it("finds engines, ffmpeg, what is shipped, and foreign weights where it is told to look", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "raft-small.pth"), "");
    const run = await motioncue(["doctor", "--look-in", folder, "--json"]);
    const report = JSON.parse(run.stdout) as Report;
    const found = Object.fromEntries(report.findings.map((finding) => [finding.name, finding]));
    for (const name of ["wasm", "auto", "ffmpeg", "ffprobe", "regressor", "flow", "default", "raft-small"])
      expect(found[name]?.isFound, `${name}: ${found[name]?.detail}`).toBe(true);
    expect(found["ffmpeg"]!.detail).toMatch(/^n?\d/);
    expect(found["default"]!.detail).toMatch(/^procedural: \d+ vertices/);
    expect(found["raft-small"]!.detail).toContain("--flow raft-small --flow-weights FILE");
    expect(found["raft-large"]).toMatchObject({ isFound: false, detail: `not in ${folder}` });
    expect(report.isUsable).toBe(true);
    expect(run.code).toBe(0);
  });

  it("says what to do about what is missing, and ends with 1 where nothing works without it", async () => {
    const run = await motioncue(["doctor"], {
      env: { FFMPEG_PATH: "/nowhere/ffmpeg", FFPROBE_PATH: "/nowhere/ffprobe" },
    });
    expect(run.stdout).toMatch(
      /^!! {2}video {5}ffmpeg +\/nowhere\/ffmpeg does not run\n +Debian.*apt-get install ffmpeg/m,
    );
    expect(run.stdout).toMatch(/MotionCue cannot work: see the lines marked !!\.\n$/);
    expect(run.stderr).toBe("");
    expect(run.code).toBe(1);
  });

  it("takes no arguments", async () => {
    await expectRefusal(["doctor", "me"], 2, /^motioncue doctor: too many arguments/);
    await expectRefusal(["doctor", "--look-im", "x"], 2, /did you mean --look-in\?/);
  });
});
