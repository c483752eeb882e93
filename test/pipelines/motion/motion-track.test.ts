import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTracks } from "../../../pipelines/clips/tracks.ts";
import { motionTrack } from "../../../pipelines/motion/motion-track.ts";
import { overlap } from "../../../pipelines/motion/moving-region.ts";
import { smoothBoxes } from "../../../pipelines/motion/smooth-boxes.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { probeVideo } from "../../../src/video/video.ts";
import { makeClip, runFfmpeg } from "../../src/video/make-video.ts";
import { temporaryFolder } from "../../support/files.ts";
import { shared } from "../../support/shared.ts";

const trackOf = async (path: string) => motionTrack(await probeVideo(path), createContext());

describe("motionTrack", () => {
  it("boxes a textured square that crosses a scene which the camera pans over", async () => {
    const path = join(temporaryFolder(), "pan.mp4");
    // 160 x 120; the scene moves left by 2 px a frame, the square of 40 px right by 3, from (20, 50).
    const scene = "nullsrc=s=320x120:r=12,format=gray,geq=lum='128+50*sin(X/7+Y/15)+40*cos(Y/6-X/19)'";
    const square = "nullsrc=s=40x40:r=12,format=gray,geq=lum='128+110*sin(X/3)*cos(Y/4)'";
    const graph = `${scene},crop=160:120:x='2*n':y=0[a];${square}[b];[a][b]overlay=x='20+3*n':y=50`;
    runFfmpeg("-filter_complex", graph, "-frames:v", "24", "-c:v", "libx264", "-qp", "12", path);
    const boxes = await trackOf(path);
    expect([...boxes.keys()]).toEqual(Array.from({ length: 24 }, (_, i) => i));
    for (const [index, box] of boxes) {
      const x0 = 20 + 3 * index - 0.5;
      expect(overlap(box, { x0, y0: 49.5, x1: x0 + 40, y1: 89.5 }), `frame ${index}`).toBeGreaterThan(0.4);
    }
  });

  it("finds nothing where nothing moves", async () => {
    const path = join(temporaryFolder(), "still.mp4");
    makeClip(path, 12, "loop=loop=-1:size=1");
    expect((await trackOf(path)).size).toBe(0);
  });

  it("covers a juggling man about as a person detector does", async ({ skip }) => {
    const path = shared("data/video/sam2_05_default_juggle.mp4");
    if (!path) return skip();
    const boxes = await trackOf(path);
    const [man] = await readTracks(path.replace(".mp4", ".tracks.json"));
    const overlaps = [...boxes].map(([index, box]) => overlap(box, man!.boxes.get(index)!));
    expect(boxes.size).toBe(247);
    // Measured: mean 0.70 (the ball counts as his), 5th percentile 0.56.
    expect(overlaps.reduce((a, b) => a + b) / overlaps.length).toBeGreaterThan(0.65);
  });
});

describe("smoothBoxes", () => {
  const times = Array.from({ length: 60 }, (_, i) => i / 10);
  const box = (x: number) => ({ x0: x, y0: 10, x1: x + 20, y1: 50 });
  const sample = (index: number, x: number) => ({ index, time: times[index]!, box: box(x) });

  it("drops an outlier, fills frames between samples and holds the last one briefly", () => {
    const boxes = smoothBoxes(
      [0, 2, 4, 6, 8].map((index) => sample(index, index === 4 ? 300 : 5)),
      times,
    );
    expect([...boxes.keys()].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const found of boxes.values()) {
      expect(found.x0).toBeCloseTo(5, 9);
      expect(found.y1).toBeCloseTo(50, 9);
    }
  });

  it("does not join samples more than a second apart, and leaves out chance ones", () => {
    const samples = [0, 1, 2, 20, 40, 41, 42].map((index) => sample(index, 5));
    expect([...smoothBoxes(samples, times).keys()]).toEqual([0, 1, 2, 3, 40, 41, 42, 43]);
  });
});
