import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFlo } from "../../../flow/flo-file.ts";
import { flowStatistics } from "../../../flow/flow-field.ts";
import { readKittiFlow } from "../../../flow/kitti-file.ts";
import { MOTIONCUE_FLOW } from "../../../flow/raft-config.ts";
import { saveRaft } from "../../../flow/raft-file.ts";
import { newRaftParameters } from "../../../flow/raft-weights.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { createImage } from "../../../src/image/image.ts";
import { readPng, writePng } from "../../../src/image/png.ts";
import { probeVideo } from "../../../src/video/video.ts";
import { makeClip } from "../../src/video/make-video.ts";
import { expectRefusal, motioncue } from "../../support/motioncue.ts";
import { shared } from "../../support/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-flow-"));
const at = (name: string) => join(folder, name);
const [first, second, wide, clip, weights] = ["1.png", "2.png", "wide.png", "clip.mp4", "w.safetensors"].map(at) as [
  string,
  string,
  string,
  string,
  string,
];
/** An untrained network: what the command does with its flow is what is tested here. */
const untrained = ["--flow-weights", weights, "--flow-updates", "2"];

beforeAll(async () => {
  await startEngine();
  await saveRaft(weights, MOTIONCUE_FLOW, newRaftParameters(MOTIONCUE_FLOW, 1));
  for (const [path, width, shift] of [
    [first, 72, 0],
    [second, 72, 3],
    [wide, 80, 0],
  ] as const) {
    const image = createImage(56, width);
    for (let i = 0; i < image.data.length; i++) image.data[i] = 128 + 100 * Math.sin(0.2 * (Math.floor(i / 3) - shift));
    await writePng(path, image);
  }
  makeClip(clip, 7);
  writeFileSync(at("broken.mp4"), "this is no video");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("motioncue flow of two pictures", () => {
  it("writes both directions and a picture, and says what moved as JSON", async () => {
    const args = ["--out", at("a/x.flo"), "--backward", at("b.flo"), "--png", at("x.png"), "--json"];
    const run = await motioncue(["flow", first, second, ...untrained, ...args]);
    expect(run.stderr).toBe("");
    const result = JSON.parse(run.stdout);
    const forward = await readFlo(at("a/x.flo"));
    expect(forward.shape).toEqual([56, 72, 2]);
    expect(result).toMatchObject({
      pairs: 1,
      width: 72,
      height: 56,
      written: [at("a/x.flo"), at("b.flo"), at("x.png")],
    });
    expect(result.meanLength).toBeCloseTo(flowStatistics(forward).meanLength, 6);
    expect((await readFlo(at("b.flo"))).data).not.toEqual(forward.data);
    expect((await readPng(at("x.png"))).shape).toEqual([56, 72, 3]);
    expect(run.code).toBe(0);
  });

  it("writes KITTI's 16-bit picture where the name ends in .png, to a 64th of a pixel", async () => {
    await motioncue(["flow", first, second, ...untrained, "--out", at("k.png"), "--backward", at("k.flo")]);
    await motioncue(["flow", second, first, ...untrained, "--out", at("l.flo"), "--backward", at("l.png")]);
    const [picture, field] = [await readKittiFlow(at("k.png")), await readFlo(at("l.flo"))];
    const other = await readKittiFlow(at("l.png"));
    expect(picture.shape).toEqual([56, 72, 2]);
    // k.png is first to second, as the backward flow of the other call; l.flo is second to first, as k.flo.
    picture.data.forEach((value, i) => expect(Math.abs(value - other.data[i]!)).toBeLessThan(0.03));
    const back = await readFlo(at("k.flo"));
    back.data.forEach((value, i) => expect(Math.abs(value - field.data[i]!)).toBeLessThan(0.01));
  });

  it("agrees with RAFT's own flow to a hundredth of a pixel", async ({ skip }) => {
    const [pair, raft] = [shared("data/flow/Dimetrodon"), shared("data/weights/raft-small.pth")];
    if (!pair || !raft) return skip();
    const network = ["--flow", "raft-small", "--flow-weights", raft, "--flow-updates", "20"];
    const out = at("dimetrodon.flo");
    const run = await motioncue([
      "flow",
      join(pair, "frame10.png"),
      join(pair, "frame11.png"),
      ...network,
      "--out",
      out,
    ]);
    expect(run.stdout).toMatch(/^584x388: mean 2\.0\d px, .* wrote /);
    const [ours, theirs] = [await readFlo(out), await readFlo(join(pair, "raft_small_iters20.flo"))];
    let sum = 0;
    for (let i = 0; i < ours.data.length; i += 2)
      sum += Math.hypot(ours.data[i]! - theirs.data[i]!, ours.data[i + 1]! - theirs.data[i + 1]!);
    expect(sum / (584 * 388)).toBeLessThan(0.01);
  });
});

describe("motioncue flow of a video", () => {
  it("writes a flow video, and nothing on stdout but the result", async () => {
    const run = await motioncue(["flow", clip, ...untrained, "--out", at("flow.mp4")]);
    expect(run.stdout).toMatch(/^6 pairs of 64x48: mean .* wrote .*flow\.mp4\n$/);
    expect(run.stderr).toMatch(/clip\.mp4 7\/7 frames/);
    expect(await probeVideo(at("flow.mp4"))).toMatchObject({ width: 64, height: 48, fps: 10, frameCount: 6 });
  });

  it("writes a folder of .flo files, at the size that was asked for", async () => {
    const args = ["--out", at("pairs"), "--backward", at("back"), "--size", "40"];
    const run = await motioncue(["flow", clip, ...untrained, ...args]);
    expect(run.code, run.stderr).toBe(0);
    const names = [0, 1, 2, 3, 4, 5].map((i) => `00000${i}.flo`);
    expect(readdirSync(at("pairs")).sort()).toEqual(names);
    expect(readdirSync(at("back")).sort()).toEqual(names);
    expect((await readFlo(at("pairs/000003.flo"))).shape).toEqual([30, 40, 2]);
  });

  it("ends cleanly when it is interrupted: code 130 and no half-written file", async () => {
    const long = at("long.mp4");
    makeClip(long, 80, "scale=128:96");
    const run = await motioncue(["flow", long, ...untrained, "--flow-updates", "12", "--out", at("cut.mp4")], {
      interrupt: { when: () => readdirSync(folder).some((name) => name.includes("cut")), signal: "SIGINT" },
    });
    expect(run.code, run.stderr).toBe(130);
    expect(run.stderr).toMatch(/motioncue: interrupted\n$/);
    expect(readdirSync(folder).filter((name) => name.includes("cut"))).toEqual([]);
  });
});

describe("motioncue flow refuses", () => {
  it.each([
    [[], 2, /^motioncue flow: missing required argument 'first'/],
    [["1.png", "2.png"], 2, /expected --out, --backward or --png FILE, got none/],
    [["1.png", "--out", "n.flo"], 2, /expected a second picture, or a video, got only 1\.png/],
    [["1.png", "2.png", "3.png", "--out", "n.flo"], 2, /too many arguments/],
    [["1.png", "wide.png", "--out", "n.flo"], 2, /1\.png is 72x56, wide\.png is 80x56/],
    [["nix.png", "2.png", "--out", "n.flo"], 1, /^nix\.png: no such file/],
    [["broken.mp4", "--out", "n.mp4"], 1, /^broken\.mp4: /],
    [["w.safetensors", "2.png", "--out", "n.flo"], 1, /^w\.safetensors: /],
    [["clip.mp4", "--out", "n.flo"], 2, /expected --out to be a video file or a folder, got n\.flo/],
    [["clip.mp4", "--png", "n.png"], 2, /--png is for two pictures/],
    [["clip.mp4"], 2, /expected --out VIDEO\.mp4 or --out DIR/],
    [
      ["1.png", "2.png", "--out", "n.flo", "--flow", "raft"],
      2,
      /--flow must be one of motioncue, raft-small, raft-large/,
    ],
    [["1.png", "2.png", "--out", "n.flo", "--flow", "raft-small"], 2, /expected a weight file, got none/],
    [["1.png", "2.png", "--out", "n.flo", "--flow-weights", "1.png"], 1, /^1\.png: /],
    [["1.png", "2.png", "--out", "n.flo", "--flow-weights", "nix"], 1, /^nix: /],
    [
      ["1.png", "2.png", "--out", "n.flo", "--flow-updates", "0"],
      2,
      /--flow-updates must be an integer from 1 to 64, got 0/,
    ],
    [["1.png", "2.png", "--out", "n.flo", "--engine", "cuda"], 2, /--engine must be one of auto, torch/],
    [
      ["1.png", "2.png", "--out", "1.png/n.flo", "--flow-weights", "w.safetensors"],
      1,
      /^1\.png\/n\.flo: .*not a folder/,
    ],
  ] as const)("%j", async (args, code, message) => {
    await expectRefusal(["flow", ...args], code, message, { cwd: folder });
    expect(readdirSync(folder).filter((name) => /^n\b|part/.test(name))).toEqual([]);
  });
});
