/** @file Decoding: order, times, orientation, backpressure, early exits, damage. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import type { Image } from "../../../src/image/image.ts";
import { resizeImage } from "../../../src/image/resize.ts";
import { areNeighbours, medianStep } from "../../../src/video/neighbours.ts";
import { decodeVideo, type Frame } from "../../../src/video/video.ts";
import { shared } from "../../support/shared.ts";
import { makeClip, runFfmpeg, turnClockwise } from "./make-video.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-decode-"));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(() => makeClip(file("plain.mp4"), 10));

async function decodeAll(path: string, options?: Parameters<typeof decodeVideo>[1]): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of decodeVideo(path, options)) frames.push(frame);
  return frames;
}

/** The number that a clip of makeClip shows: from the grey of its lower right quarter. */
const shown = ({ image }: Frame) => (image.get(image.shape[0]! - 6, image.shape[1]! - 6, 1) - 10) / 20;
const isRed = (image: Image, y: number, x: number) => image.get(y, x, 0) > 200 && image.get(y, x, 1) < 60;

/** The ffmpeg processes that this one started, dead ones that nobody waited for included. */
function ffmpegChildren(): number {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const [, name, parent] = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8")) ?? [];
      return name === "ffmpeg" && Number(parent) === process.pid;
    } catch {
      return false;
    }
  }).length;
}

describe("decodeVideo", () => {
  it("gives every frame in order, with index, time and its own bytes", async () => {
    const frames = await decodeAll(file("plain.mp4"));
    expect(frames.map((frame) => frame.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const frame of frames) {
      expect(frame.image.shape).toEqual([48, 64, 3]);
      expect(Math.abs(shown(frame) - frame.index)).toBeLessThan(0.2);
      expect(frame.time).toBeCloseTo(frame.index / 10, 6);
      expect(isRed(frame.image, 10, 10)).toBe(true);
      expect(isRed(frame.image, 40, 10) || isRed(frame.image, 10, 50)).toBe(false);
    }
  });

  it("keeps a variable frame rate: no frame repeated, true times", async () => {
    makeClip(file("vfr.mp4"), 6, "select='not(between(n,2,5))'", ["-vsync", "vfr"]);
    const frames = await decodeAll(file("vfr.mp4"));
    const numbers = [0, 1, 6, 7, 8, 9];
    expect(frames.map((frame) => Math.round(shown(frame)))).toEqual(numbers);
    frames.forEach(({ time }, i) => {
      expect(time).toBeCloseTo(numbers[i]! / 10, 6);
    });
  });

  it("tells times to the microsecond hours into a file", async () => {
    makeClip(file("late.mkv"), 3, "setpts=PTS+gte(N\\,1)*7200/TB", ["-vsync", "vfr"]);
    const frames = await decodeAll(file("late.mkv"));
    expect(frames.map(({ time }) => time)).toEqual([0, 7200.1, 7200.2].map((t) => expect.closeTo(t, 6)));
  });

  it("turns frames upright: the upper left quarter of a clip to be turned clockwise ends up on the right", async () => {
    makeClip(file("turned.mp4"), 2);
    turnClockwise(file("turned.mp4"));
    const [frame] = await decodeAll(file("turned.mp4"));
    expect(frame!.image.shape).toEqual([64, 48, 3]);
    expect(isRed(frame!.image, 10, 38)).toBe(true);
    expect(isRed(frame!.image, 10, 10) || isRed(frame!.image, 50, 38)).toBe(false);
  });

  it("makes pixels square", async () => {
    makeClip(file("wide.mp4"), 1, "setsar=3/2");
    const [frame] = await decodeAll(file("wide.mp4"));
    expect(frame!.image.shape).toEqual([48, 96, 3]);
    expect(isRed(frame!.image, 10, 44)).toBe(true);
    expect(isRed(frame!.image, 10, 52)).toBe(false);
  });

  it("reads odd sizes, 4:4:4 and 10 bits", async () => {
    const source = ["-f", "lavfi", "-i", "testsrc=s=37x23:r=5", "-frames:v", "3"];
    runFfmpeg(...source, "-pix_fmt", "yuv444p", "-c:v", "libx264", file("odd.mp4"));
    runFfmpeg(...source, "-pix_fmt", "yuv420p10le", "-c:v", "ffv1", file("ten.mkv"));
    for (const name of ["odd.mp4", "ten.mkv"])
      expect((await decodeAll(file(name))).map((frame) => frame.image.shape)).toEqual(new Array(3).fill([23, 37, 3]));
  });

  it("keeps the count and times of interlaced frames", async () => {
    const fields = ["-vf", "interlace", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-frames:v", "8"];
    runFfmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=50", ...fields, file("fields.mpg"));
    const times = (await decodeAll(file("fields.mpg"))).map((frame) => frame.time);
    expect(times).toHaveLength(8);
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeCloseTo(0.04, 3);
  });

  it("stops after maxFrames", async () => {
    expect((await decodeAll(file("plain.mp4"), { maxFrames: 4 })).map((f) => f.index)).toEqual([0, 1, 2, 3]);
    await expect(decodeAll(file("plain.mp4"), { maxFrames: 0 })).rejects.toThrow(/maxFrames must be an integer >= 1/);
  });

  it("does nothing before the first frame is asked for", async () => {
    const frames = decodeVideo(file("none.mp4"));
    await frames.return();
    await expect(decodeVideo(file("none.mp4")).next()).rejects.toThrow(/no such file/);
  });
});

describe("decodeVideo, the worker", () => {
  beforeAll(() => runFfmpeg("-f", "lavfi", "-i", "testsrc=s=640x360:r=30:d=10", "-c:v", "libx264", file("long.mp4")));

  it("ends ffmpeg when the loop is left", async () => {
    for (let round = 0; round < 2; round++) {
      for await (const frame of decodeVideo(file("long.mp4"), { queue: 2 })) {
        if (frame.index < 3) continue;
        expect(ffmpegChildren()).toBe(1);
        break;
      }
      expect(ffmpegChildren()).toBe(0);
    }
  });

  it("mixes nothing up: two videos at once, and one after another that was left early", async () => {
    const both = await Promise.all([decodeAll(file("plain.mp4")), decodeAll(file("long.mp4"), { maxFrames: 20 })]);
    expect(both.map((frames) => frames.map(({ index }) => index))).toEqual(
      [10, 20].map((count) => Array.from({ length: count }, (_, i) => i)),
    );
    for (let round = 0; round < 3; round++) {
      for await (const { image } of decodeVideo(file("long.mp4"))) {
        expect(image.shape).toEqual([360, 640, 3]);
        break;
      }
      const frames = await decodeAll(file("plain.mp4"));
      expect(frames.map((frame) => Math.round(shown(frame)))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(frames.every(({ image }) => image.shape[1] === 64)).toBe(true);
    }
  });

  it("ends ffmpeg when the loop's body throws", async () => {
    const run = async () => {
      for await (const _ of decodeVideo(file("long.mp4"))) throw new Error("in the body");
    };
    await expect(run()).rejects.toThrow("in the body");
    expect(ffmpegChildren()).toBe(0);
  });

  it("works on while the main thread computes, as far as the queue allows", async () => {
    const frames = decodeVideo(file("long.mp4"), { queue: 5 });
    await frames.next();
    // The thread stands still, as in a native call, until the worker has long filled its queue.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3000);
    // Frames that wait already need a few turns of the event loop, not the decoder.
    const ready = new Promise<number>((fulfil) => {
      let count = 0;
      let turns = 0;
      const turn = () => (++turns < 20 ? setImmediate(turn) : fulfil(count));
      setImmediate(turn);
      void (async () => {
        while (!(await frames.next()).done) count++;
      })().catch(() => {});
    });
    expect(await ready).toBeGreaterThanOrEqual(4);
    await frames.return();
  });

  it("does not gather frames: the queue bounds what a slow caller holds", async () => {
    const frames = decodeVideo(file("long.mp4"), { queue: 2 });
    await frames.next();
    await new Promise((fulfil) => setTimeout(fulfil, 500));
    const before = process.memoryUsage().arrayBuffers;
    await new Promise((fulfil) => setTimeout(fulfil, 500));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 * 640 * 360 * 3);
    await frames.return();
  });
});

describe("damaged files", () => {
  it("give the frames before the break, then say where it is", async () => {
    makeClip(file("fast.mp4"), 10, "scale=320:240,noise=alls=30", ["-g", "2", "-bf", "0", "-movflags", "+faststart"]);
    const whole = readFileSync(file("fast.mp4"));
    writeFileSync(file("half.mp4"), whole.subarray(0, Math.floor(whole.length * 0.6)));
    const frames: Frame[] = [];
    const run = async () => {
      for await (const frame of decodeVideo(file("half.mp4"))) frames.push(frame);
    };
    await expect(run()).rejects.toThrow(/half\.mp4: breaks off after [4-6] frames \(.*partial file/);
    expect(frames.length).toBeGreaterThanOrEqual(4);
    await expect(run()).rejects.toThrow(FormatError);
    expect(await decodeAll(file("half.mp4"), { maxFrames: 3 })).toHaveLength(3);
  });

  it("tell of damage inside that could be concealed", async () => {
    const bytes = readFileSync(file("fast.mp4"));
    bytes.fill(0x55, Math.floor(bytes.length * 0.5), Math.floor(bytes.length * 0.5) + 400);
    writeFileSync(file("spoilt.mp4"), bytes);
    const warnings: string[] = [];
    const frames = await decodeAll(file("spoilt.mp4"), { warn: (message) => warnings.push(message) });
    expect(frames.length).toBeGreaterThanOrEqual(8);
    expect(warnings).toEqual([expect.stringMatching(/spoilt\.mp4: damaged in \d+ places/)]);
  });
});

describe("other installations of ffmpeg", () => {
  it("says what to install where there is none", () => {
    const script = `
      const load = (name) => import(new URL(name, "${new URL("../../../src/", import.meta.url).href}").href);
      const { decodeVideo } = await load("video/video.ts");
      const { encodeVideo } = await load("video/encode.ts");
      const { createImage } = await load("image/image.ts");
      const say = (work) => work().catch((error) => console.log(error.message));
      await say(() => decodeVideo("${file("plain.mp4")}").next());
      await say(async () => {
        const writer = await encodeVideo("${file("unwritten.mp4")}", { width: 2, height: 2, fps: 1 });
        await writer.write(createImage(2, 2));
        await writer.close();
      });`;
    const said = execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      env: { PATH: "/nonexistent" },
      encoding: "utf8",
    });
    const line = /^ffmpeg: expected ffmpeg and ffprobe in PATH.*apt-get install ffmpeg.*$/;
    expect(said.trim().split("\n")).toEqual([expect.stringMatching(line), expect.stringMatching(line)]);
    expect(readdirSync(folder).filter((name) => name.includes("unwritten"))).toEqual([]);
  });

  it("falls back to the old name of -fps_mode", async () => {
    const real = execFileSync("which", ["ffmpeg"], { encoding: "utf8" }).trim();
    const refuse = `case "$*" in *-fps_mode*) echo "[fatal] Unrecognized option 'fps_mode'." >&2; exit 1;; esac`;
    writeFileSync(file("old-ffmpeg"), `#!/bin/sh\n${refuse}\nexec ${real} "$@"\n`, { mode: 0o755 });
    process.env["FFMPEG_PATH"] = file("old-ffmpeg");
    try {
      expect(await decodeAll(file("plain.mp4"))).toHaveLength(10);
    } finally {
      delete process.env["FFMPEG_PATH"];
    }
  });
});

describe("real footage", () => {
  const videos = shared("data/video");
  const thumbnails = async (path: string) =>
    (await decodeAll(path)).map(({ image }) => resizeImage(image, 45, 80).data);

  for (const [name, count] of [
    ["sam2_05_default_juggle.mp4", 247],
    ["sports2d_demo_vp9.mp4", 230],
    ["pose2sim_MultiPerson_cam01.mp4", 100],
    ["odd/odd_317x181_yuv444.mp4", 24],
    ["odd/mpeg2_interlaced_sar64x45.mpg", 49],
  ] as const) {
    it.skipIf(!videos)(`${name}: ${count} frames`, async () => {
      let seen = 0;
      for await (const frame of decodeVideo(join(videos!, name))) {
        expect(frame.index).toBe(seen++);
      }
      expect(seen).toBe(count);
    });
  }

  it.skipIf(!videos)("rot_tag90 shows frames 24.. of the juggling clip it was made of, upright", async () => {
    const original = await thumbnails(join(videos!, "sam2_05_default_juggle.mp4"));
    const turned = await thumbnails(join(videos!, "odd/rot_tag90.mp4"));
    expect(turned).toHaveLength(48);
    for (const i of [0, 20, 47]) expect(correlation(turned[i]!, original[24 + i]!)).toBeGreaterThan(0.998);
    expect(correlation(Uint8Array.from(turned[0]!).reverse(), original[24]!)).toBeLessThan(0.5);
  });

  it.skipIf(!videos)("vfr_gaps has 66 frames, one hole of 11 steps, and no pair across holes", async () => {
    const times = (await decodeAll(join(videos!, "odd/vfr_gaps.mp4"))).map((frame) => frame.time);
    const steps = times.slice(1).map((time, i) => Math.round((time - times[i]!) * 24));
    expect(times).toHaveLength(66);
    expect(times.at(-1)).toBeCloseTo(95 / 24, 6);
    expect(steps.filter((step) => step === 11)).toHaveLength(1);
    const median = medianStep(times);
    expect(median).toBeCloseTo(1 / 24, 6);
    steps.forEach((step, i) => {
      expect(areNeighbours(times[i]!, times[i + 1]!, median)).toBe(step === 1);
    });
  });
});

function correlation(a: Uint8Array, b: Uint8Array): number {
  const mean = (v: Uint8Array) => v.reduce((sum, x) => sum + x, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i]! - ma) * (b[i]! - mb);
    aa += (a[i]! - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
