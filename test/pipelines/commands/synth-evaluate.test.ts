import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startEngine } from "../../../src/engine/engine.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { probeVideo } from "../../../src/video/video.ts";
import { expectRefusal, motioncue } from "../../support/motioncue.ts";
import { writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-synth-"));
const at = (name: string) => join(folder, name);
const synth = ["synth", "--videos", "2", "--frames", "6", "--size", "64", "--stills", "3", "--still-size", "64"];
let networks: readonly string[] = [];

beforeAll(async () => {
  await startEngine();
  const { regressor, flowWeights } = await writeTinyNetworks(folder);
  networks = ["--regressor", regressor!, "--flow-weights", flowWeights!, "--flow-updates", "2"];
  await writeTinyVideo(folder, "untrue", 4);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("synth, then evaluate", () => {
  it("make videos with their truth, and measure two regressors on them", async () => {
    const made = await motioncue([...synth, "--out", at("set"), "--json"]);
    expect(made.code, made.stderr).toBe(0);
    const { videos, stills } = JSON.parse(made.stdout);
    expect(videos[1]).toEqual({
      video: at("set/synth-001.mp4"),
      truth: at("set/synth-001.npz"),
      tracks: at("set/synth-001.tracks.json"),
    });
    expect(await probeVideo(videos[0].video)).toMatchObject({ width: 86, height: 64, fps: 25, frameCount: 6 });
    expect((await readNpz(videos[0].truth)).get("poses")!.shape).toEqual([6, 72]);
    expect((await readNpz(stills.dataset)).get("S")!.shape).toEqual([3, 24, 4]);

    // A second run finds everything there.
    const [before, bytes] = [statSync(videos[0].video).mtimeMs, readFileSync(videos[1].truth)];
    await motioncue([...synth, "--out", at("set")]);
    expect(statSync(videos[0].video).mtimeMs).toBe(before);
    expect(readFileSync(videos[1].truth)).toEqual(bytes);

    const two = ["--compare", networks[1]!, "--cache", at("cache")];
    const json = await motioncue(["evaluate", at("set"), ...networks, ...two, "--json"]);
    expect(json.code, json.stderr).toBe(0);
    const { evaluations } = JSON.parse(json.stdout);
    expect(evaluations).toHaveLength(2);
    expect(evaluations[0]).toEqual(evaluations[1]);
    expect(evaluations[0].frames).toBe(12);
    for (const key of ["mpjpe", "paMpjpe", "pve", "accelError", "flowResidual"])
      expect(evaluations[0][key], key).toBeGreaterThan(0);

    const images = ["--images", at("set/stills/images")];
    const table = await motioncue(["evaluate", stills.dataset, "--regressor", networks[1]!, ...images]);
    expect(table.stdout).toMatch(/^3 frames +.*tiny\.safetensors\n-+ +-+\nMPJPE, mm \(root-aligned\) +\d+\.\d\d\n/);
    expect(table.stdout).toMatch(/^flow residual, px of the crop +-$/m);
  });
});

describe("synth of the rich world", () => {
  it("writes dense flow beside videos of a split, which evaluate reads like any others", async () => {
    const rich = ["--preset", "world", "--split", "test", "--truth", "flow", "--videos", "1", "--frames", "4"];
    const made = await motioncue(["synth", ...rich, "--size", "64", "--out", at("rich"), "--json"]);
    expect(made.code, made.stderr).toBe(0);
    const { videos } = JSON.parse(made.stdout);
    expect(videos[0].flow).toBe(at("rich/synth-000.flow.npz"));
    expect((await readNpz(videos[0].flow)).get("backward")!.shape).toEqual([3, 64, 86, 2]);
    const json = await motioncue(["evaluate", at("rich"), ...networks, "--cache", at("cache"), "--json"]);
    expect(json.code, json.stderr).toBe(0);
    expect(JSON.parse(json.stdout).evaluations[0].frames).toBe(4);
    const other = await motioncue(["synth", ...rich, "--size", "64", "--out", at("rich"), "--seed", "1"]);
    expect([other.code, other.stdout]).toEqual([2, ""]);
    expect(other.stderr).toMatch(/holds synth made with other options \(seed 0 there, 1 now\)/);
  });
});

describe("evaluate refuses", () => {
  const refused = (code: 1 | 2, message: RegExp, ...args: string[]) =>
    expectRefusal(["evaluate", ...args], code, message, { cwd: folder });

  it("what is not there, holds no video, or has no truth beside it", async () => {
    await refused(2, /^motioncue evaluate: missing required argument 'data'/);
    await refused(
      2,
      /^nix: expected a data set \(\.npz, \.json\), a video or a folder of videos, found nothing there/,
      "nix",
    );
    await refused(2, /expected a video in this folder or below it, found none/, mkdtempSync(join(folder, "empty-")));
    const run = await motioncue(["evaluate", at("untrue.mp4"), ...networks, "--cache", at("cache")]);
    expect(run.stderr).toMatch(
      /untrue\.npz: expected the truth of .*untrue\.mp4 there, as synth writes it, found nothing\n$/,
    );
    expect([run.code, run.stdout]).toEqual([1, ""]);
  });

  it("a data set that is none, and options that do not belong together", async () => {
    writeFileSync(at("none.npz"), "PK no zip");
    await refused(1, /^none\.npz: /, "none.npz", ...networks);
    await refused(2, /^--images: is for data sets/, "untrue.mp4", "--images", ".");
    await refused(2, /--batch must be an integer from 1 to 1024, got 0/, "untrue.mp4", "--batch", "0");
  });
});

describe("synth refuses", () => {
  it.each([
    [["--videos", "0"], /nothing to make: give --videos or --stills/],
    [["--motion", "swim"], /--motion must be one of .*, got "swim"/],
    [["--split", "holdout"], /--split must be one of train, validation, test, got "holdout"/],
    [["--preset", "film"], /--preset must be one of demo, world, got "film"/],
    [["--motions", "nowhere"], /--motions: expected a folder of \.bvh files, found no folder nowhere/],
    [["--size", "8"], /--size must be an integer from 32 to 4096, got 8/],
    [["here"], /too many arguments/],
  ])("%j", async (args, message) => {
    await expectRefusal(["synth", ...args, "--out", "n"], 2, message, { cwd: folder });
    expect(readdirSync(folder)).not.toContain("n");
  });

  it("a body that is none", async () => {
    await expectRefusal(["synth", "--body", "nix.npz", "--out", "n"], 1, /^nix\.npz: /, { cwd: folder });
    expect(readdirSync(folder)).not.toContain("n");
  });
});
