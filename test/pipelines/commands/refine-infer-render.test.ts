import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { optionFlag } from "../../../pipelines/cli.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { readSafetensors } from "../../../src/io/safetensors.ts";
import { probeVideo } from "../../../src/video/video.ts";
import { expectRefusal, motioncue } from "../../support/motioncue.ts";
import { writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-commands-"));
const at = (name: string) => join(folder, name);
/** Options of `refine` for tiny networks; infer and render know some of them. */
let networks: Record<string, unknown> = {};

function flags(...names: string[]): string[] {
  const chosen = names.length > 0 ? names : Object.keys(networks);
  return chosen
    .filter((name) => networks[name] !== undefined)
    .flatMap((name) => [optionFlag(name), `${networks[name]}`]);
}

beforeAll(async () => {
  await startEngine();
  networks = { ...(await writeTinyNetworks(folder)) };
  await writeTinyVideo(folder, "walk", 11);
  writeFileSync(at("broken.mp4"), "no video");
  writeFileSync(at("wrong.tracks.json"), JSON.stringify({ video: "run.mp4", tracks: [] }));
  writeFileSync(at("text.txt"), "text");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("refine, infer and render, one after another", () => {
  it("do all that can be done, name what is broken, and end with 1 because of it", async () => {
    const paths = [at("walk.mp4"), at("broken.mp4")];
    const run = await motioncue(["refine", ...paths, ...flags(), "--tracks", "full", "--out", at("run"), "--json"]);
    const result = JSON.parse(run.stdout);
    expect(result.videos).toEqual([at("walk.mp4")]);
    expect(result.skipped).toMatchObject([{ video: at("broken.mp4"), failed: true }]);
    expect(run.stderr).toContain("broken.mp4");
    expect(run.code).toBe(1);
    expect((await readSafetensors(at("run/regressor.safetensors"))).tensors.size).toBeGreaterThan(10);

    const refined = ["--regressor", at("run/regressor.safetensors"), ...flags("body"), "--tracks", "full"];
    const inferred = await motioncue(["infer", ...paths, ...refined, "--format", "json", "--out", at("inferred")]);
    expect(inferred.stdout).toMatch(/walk\.mp4: 1 person, 11 predictions; wrote .*\.json\nfailed: .*broken\.mp4: /);
    expect(inferred.code).toBe(1);

    const shown = ["--out", at("debug.mp4"), "--size", "64", ...flags("flow", "flowWeights", "flowUpdates")];
    const rendered = await motioncue(["render", at("walk.mp4"), ...refined, ...shown]);
    expect(rendered.code, rendered.stderr).toBe(0);
    expect(rendered.stdout).toMatch(/^\d+ frames, track 1, mean flow residual .* px; wrote .*debug\.mp4\n$/);
    expect((await probeVideo(at("debug.mp4"))).frameCount).toBeGreaterThan(8);
  });
});

describe.each([
  ["refine", ["flow", "flowWeights"], []],
  ["infer", [], []],
  ["render", ["flow", "flowWeights"], ["--out", "n.mp4"]],
])("%s refuses", (command, flow, out) => {
  const network = () => flags("body", "regressor");
  const refused = (code: 1 | 2, message: RegExp, ...args: string[]) => {
    const target = out.length > 0 ? out : ["--out", at("n")];
    return expectRefusal([command, ...args, ...target], code, message, { cwd: folder });
  };

  it("a missing file, no file, and a folder without any", async () => {
    const empty = mkdtempSync(join(folder, "empty-"));
    await refused(2, /^nix\.mp4: expected a .*video.*, found nothing there/, "nix.mp4", ...network());
    await refused(2, new RegExp(`^motioncue ${command}: (missing required argument|expected videos)`));
    await refused(2, /expected a .*video.* in this folder or below it, found none/, empty, ...network());
  });

  it("wrong weights and a wrong body", async () => {
    const known = flow.length > 0 ? flags(...flow) : [];
    await refused(1, /^text\.txt: /, "walk.mp4", "--regressor", "text.txt", ...known);
    await refused(1, /^nix\.npz: /, "walk.mp4", ...flags("regressor"), "--body", "nix.npz", ...known);
  });

  it("impossible options", async () => {
    await refused(2, /--box-scale must be a finite number from 0\.5 to 4, got 9/, "walk.mp4", "--box-scale", "9");
    await refused(2, /--tracks: expected a tracks file/, "walk.mp4", "--tracks", "nix", ...network());
    expect(readdirSync(folder).filter((name) => /^n\b/.test(name))).toEqual([]);
  });
});

describe("render refuses", () => {
  it("what is not a video, and a tracks file of another one", async () => {
    await expectRefusal(["render", at("broken.mp4"), "--out", at("n.mp4")], 1, /broken\.mp4: /);
    const wrong = ["--tracks", at("wrong.tracks.json"), ...flags("regressor", "body", "flow", "flowWeights")];
    await expectRefusal(
      ["render", at("walk.mp4"), ...wrong, "--out", at("n.mp4")],
      1,
      /expected the tracks of walk\.mp4/,
    );
  });
});

describe("train refuses", () => {
  it.each([
    [
      ["train", "regressor", "--backbone", "resnet"],
      /--backbone must be one of resnet18, resnet50, hrnet, landmarks, got "resnet"/,
    ],
    [["train", "regressor", "--labelled", "x.npz"], /--labelled: needs --images/],
    [["train", "regressor", "--steps", "many"], /--steps must be an integer of at least 1, got "many"/],
    [["train", "regressor", "extra"], /^motioncue train regressor: too many arguments/],
    [["train", "flow", "--batch", "0"], /--batch must be an integer from 1 to 256, got 0/],
    [["train", "flow", "--out", ""], /--out must be a non-empty text, got ""/],
    [["train", "template"], /^motioncue train: unknown command "template" \(known: regressor, flow\)/],
  ])("%j", async (argv, message) => {
    await expectRefusal(argv, 2, message, { cwd: folder });
  });
});
