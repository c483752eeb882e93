/** @file What files say about themselves, and how those that are no videos are refused. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { isVideoPath, probeVideo } from "../../../src/video/video.ts";
import { shared } from "../../support/shared.ts";
import { makeClip, runFfmpeg, turnClockwise } from "./make-video.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-probe-"));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true }));

/** The message of the FormatError that probing ends with: it names the file and is one line. */
async function refusal(path: string): Promise<string> {
  const error = await probeVideo(path).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(FormatError);
  const { message } = error as Error;
  expect(message.startsWith(`${path}: `)).toBe(true);
  expect(message).not.toMatch(/[\r\n]|0x[0-9a-f]{6}/);
  return message;
}

describe("isVideoPath", () => {
  it("goes by extension", () => {
    expect(["a.MP4", "/x.y/b.mkv", "c.webm", "d.mpg"].every(isVideoPath)).toBe(true);
    expect(["a.jpg", "mp4", "b.mp4.txt", "c.json", ".mp4"].some(isVideoPath)).toBe(false);
  });
});

describe("probeVideo", () => {
  it("tells size, rate, length and codec", async () => {
    makeClip(file("plain.mp4"), 7);
    const { path, ...info } = await probeVideo(file("plain.mp4"));
    expect(path).toBe(file("plain.mp4"));
    expect(info).toEqual({
      ...{ width: 64, height: 48, rotation: 0, fps: 10, durationSeconds: 0.7, frameCount: 7, codec: "h264" },
      ...{ stream: 0, interlaced: false },
    });
  });

  it("gives upright sizes and square pixels", async () => {
    makeClip(file("turned.mp4"), 2);
    turnClockwise(file("turned.mp4"));
    expect(await probeVideo(file("turned.mp4"))).toMatchObject({ width: 48, height: 64, rotation: 90 });
    makeClip(file("wide.mp4"), 2, "setsar=3/2");
    expect(await probeVideo(file("wide.mp4"))).toMatchObject({ width: 96, height: 48, rotation: 0 });
    makeClip(file("tall.mp4"), 2, "setsar=3/4");
    turnClockwise(file("tall.mp4"));
    expect(await probeVideo(file("tall.mp4"))).toMatchObject({ width: 64, height: 64, rotation: 90 });
  });

  it("refuses what is no video, and says why", async () => {
    expect(await refusal(file("none.mp4"))).toMatch(/no such file/);
    mkdirSync(file("sub.mp4"));
    expect(await refusal(file("sub.mp4"))).toMatch(/got a folder/);
    expect(await refusal("/dev/null")).toMatch(/got a device/);
    writeFileSync(file("empty.mp4"), "");
    expect(await refusal(file("empty.mp4"))).toMatch(/empty file/);
    writeFileSync(file("noise.bin"), Buffer.alloc(5000, 1));
    expect(await refusal(file("noise.bin"))).toMatch(/ffmpeg cannot read/);
    writeFileSync(file("text.txt"), "some words\n".repeat(100));
    expect(await refusal(file("text.txt"))).toMatch(/expected a video file/);
    writeFileSync(file("list.m3u8"), "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n");
    await refusal(file("list.m3u8"));
    runFfmpeg("-f", "lavfi", "-i", "color=s=32x32", "-frames:v", "1", file("picture.jpg"));
    expect(await refusal(file("picture.jpg"))).toMatch(/got a picture/);
    runFfmpeg("-f", "lavfi", "-i", "sine=d=0.2", file("sound.m4a"));
    expect(await refusal(file("sound.m4a"))).toMatch(/without a picture track/);
  });

  it("takes the cover picture of music for no video", async () => {
    runFfmpeg("-f", "lavfi", "-i", "color=s=32x32", "-frames:v", "1", file("cover.png"));
    const cover = ["-i", file("cover.png"), "-map", "0", "-map", "1", "-disposition:v:0", "attached_pic"];
    runFfmpeg("-f", "lavfi", "-i", "sine=d=0.2", ...cover, file("music.mp3"));
    expect(await refusal(file("music.mp3"))).toMatch(/without a picture track/);
  });

  it("refuses MP4 without its index, and frames that are too large", async () => {
    const whole = readFileSync(file("plain.mp4"));
    writeFileSync(file("cut.mp4"), whole.subarray(0, whole.indexOf("moov", 0, "latin1") - 4));
    expect(await refusal(file("cut.mp4"))).toMatch(/cut-off/);
    makeClip(file("huge.mp4"), 1, "setsar=300/1:max=300");
    expect(await refusal(file("huge.mp4"))).toMatch(/19200x48 px is too large/);
  });
});

describe("real footage", () => {
  const odd = shared("data/video/odd");
  it.skipIf(!odd)("reports both broken files", async () => {
    expect(await refusal(join(odd!, "BROKEN_truncated_no_moov.mp4"))).toMatch(/cut-off/);
    expect(await refusal(join(odd!, "BROKEN_audio_only.mp4"))).toMatch(/without a picture track/);
  });

  it.skipIf(!odd)("reads rotation, pixel aspect and odd sizes", async () => {
    expect(await probeVideo(join(odd!, "rot_tag90.mp4"))).toMatchObject({ width: 640, height: 360, frameCount: 48 });
    expect(await probeVideo(join(odd!, "mpeg2_interlaced_sar64x45.mpg"))).toMatchObject({ width: 1024, height: 576 });
    expect(await probeVideo(join(odd!, "odd_317x181_yuv444.mp4"))).toMatchObject({ width: 317, height: 181, fps: 24 });
  });
});
