import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTracks, trackSource, tracksFrom, tracksOf } from "../../../pipelines/clips/tracks.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import type { VideoInfo } from "../../../src/video/video.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { shared } from "../../support/shared.ts";

const VIDEO: VideoInfo = {
  path: "/videos/walk.mp4",
  width: 64,
  height: 48,
  rotation: 0,
  fps: 25,
  durationSeconds: 0.12,
  frameCount: 3,
  codec: "h264",
  stream: 0,
  interlaced: false,
};

function tracksFile(content: unknown, name = "walk.tracks.json"): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const frame = (index: unknown, ...box: unknown[]) => ({ index, box, score: 0.9 });

describe("readTracks", () => {
  it("reads boxes by frame, in order, with gaps", async () => {
    const path = tracksFile({ tracks: [{ id: 7, frames: [frame(4, 1, 2, 3.5, 4), frame(2, 0, 0, 9, 8)] }] });
    const [track] = await readTracks(path);
    expect(track!.id).toBe(7);
    expect([...track!.boxes]).toEqual([
      [2, { x0: 0, y0: 0, x1: 9, y1: 8 }],
      [4, { x0: 1, y0: 2, x1: 3.5, y1: 4 }],
    ]);
  });

  it("reads the tracks of real footage", async ({ skip }) => {
    const path = shared("data/video/pose2sim_MultiPerson_cam01.tracks.json");
    if (!path) return skip();
    const tracks = await readTracks(path);
    expect(tracks.map((track) => [track.id, track.boxes.size])).toEqual([
      [1, 74],
      [2, 100],
      [3, 100],
    ]);
  });

  it.each([
    ["not json", "expected a tracks file, got something that is not JSON"],
    [[1, 2], 'expected a tracks file with a list "tracks", got other JSON'],
    [{ tracks: [{ id: 1 }] }, 'expected tracks[0] to hold a list "frames"'],
    [{ tracks: [{ id: "a", frames: [] }] }, 'expected tracks[0].id to be an integer of its own, got "a"'],
    [
      {
        tracks: [
          { id: 1, frames: [] },
          { id: 1, frames: [] },
        ],
      },
      "expected tracks[1].id to be an integer of its own, got 1",
    ],
    [
      { tracks: [{ frames: [frame(-1, 0, 0, 1, 1)] }] },
      "expected tracks[0].frames[0].index to count frames from 0, got -1",
    ],
    [{ tracks: [{ frames: [null] }] }, "expected tracks[0].frames[0].index to count frames from 0, got undefined"],
    [
      { tracks: [{ frames: [frame(0, 0, 0, 1)] }] },
      "expected tracks[0].frames[0].box to be [x0, y0, x1, y1], got [0,0,1]",
    ],
    [
      { tracks: [{ frames: [frame(0, 5, 0, 1, 1)] }] },
      "expected tracks[0].frames[0].box with x0 < x1 and y0 < y1, got [5, 0, 1, 1]",
    ],
    [
      { tracks: [{ frames: [frame(3, 0, 0, 1, 1), frame(3, 0, 0, 2, 2)] }] },
      "expected one box per frame in tracks[0], got two",
    ],
  ])("refuses %j", async (content, message) => {
    const path = tracksFile(content);
    expect(await failure(readTracks(path))).toBe(`FormatError: ${path}: ${message}`);
  });
});

describe("tracksOf", () => {
  const walk = { video: "walk.mp4", tracks: [{ id: 1, frames: [frame(0, 1, 1, 20, 40)] }] };

  it("looks in a folder under the relative path first, then under the base name", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "sub"));
    writeFileSync(join(folder, "sub/walk.tracks.json"), JSON.stringify(walk));
    writeFileSync(join(folder, "walk.tracks.json"), JSON.stringify(walk));
    const context = createContext();
    expect(await trackSource(folder, VIDEO, "sub/walk.mp4", context)).toBe(join(folder, "sub/walk.tracks.json"));
    expect(await trackSource(folder, VIDEO, "other/walk.mp4", context)).toBe(join(folder, "walk.tracks.json"));
  });

  it("says so where a folder has no file for a video, and takes what moves", async () => {
    const lines: string[] = [];
    const log = { live: false, info: (line: string) => lines.push(line), warn() {}, status() {} };
    expect(await trackSource(temporaryFolder(), VIDEO, "walk.mp4", createContext(log))).toBe("motion");
    expect(lines.join()).toMatch(
      /^\/videos\/walk\.mp4: no walk\.tracks\.json in .*, so the box of what moves is used$/,
    );
  });

  it("gives every frame its whole for full", async () => {
    const { tracks, source } = await tracksOf("full", VIDEO);
    expect(source).toBe("full");
    const whole = { x0: -0.5, y0: -0.5, x1: 63.5, y1: 47.5 };
    expect([...tracks[0]!.boxes]).toEqual([
      [0, whole],
      [1, whole],
      [2, whole],
    ]);
  });

  it("refuses a file made for another video", async () => {
    const other = tracksFile({ ...walk, video: "run.mp4" });
    expect(await failure(tracksOf(other, VIDEO))).toBe(
      `FormatError: ${other}: expected the tracks of walk.mp4, got those of run.mp4`,
    );
    const outside = tracksFile({ tracks: [{ id: 1, frames: [frame(2, 64, 0, 90, 40)] }] });
    expect(await failure(tracksFrom(outside, VIDEO, createContext()))).toBe(
      `FormatError: ${outside}: expected boxes inside the 64 x 48 frame of walk.mp4, got [64, 0, 90, 40] in frame 2`,
    );
  });

  it("refuses a choice that is nothing", async () => {
    expect(await failure(tracksOf("/nowhere", VIDEO))).toMatch(
      /FormatError: \/nowhere: expected a tracks file, a folder/,
    );
  });
});
