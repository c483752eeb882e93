import { describe, expect, it } from "vitest";
import { collectBackgrounds } from "../../../pipelines/templates/backgrounds.ts";
import { createImage, type Image } from "../../../src/image/image.ts";

const whole = { cx: 3.5, cy: 3.5, side: 8 };

/** A grey picture, 8 x 8, with a white block that walks to the right, three pixels a frame. */
function frame(t: number): Image {
  const image = createImage(8, 8);
  image.data.fill(60);
  for (let y = 2; y < 6; y++)
    for (let x = 3 * t - 2; x < 3 * t + 1; x++)
      if (x >= 0 && x < 8) image.data.fill(255, (y * 8 + x) * 3, (y * 8 + x) * 3 + 3);
  return image;
}

describe("collectBackgrounds", () => {
  it("gives the median of evenly spread frames, in which who walks by is not seen", () => {
    const collector = collectBackgrounds([whole, { ...whole, side: 4 }], 8, 7)!;
    for (let t = 0; t < 7; t++) collector.add(frame(t), t, []);
    expect([...collector.background(0)!].every((value) => value === 60)).toBe(true);
    expect([...collector.background(1)!].every((value) => value === 60)).toBe(true);
  });

  it("has none of fewer than five frames, and none where the windows do not fit into memory", () => {
    const collector = collectBackgrounds([whole], 8, 4)!;
    for (let t = 0; t < 4; t++) collector.add(frame(t), t, []);
    expect(collector.background(0)).toBeUndefined();
    expect(collectBackgrounds(new Array(100).fill(whole), 512, 1000)).toBeUndefined();
  });

  it("sees only what is in nobody's box, and guesses what always is in one from what is around", () => {
    const collector = collectBackgrounds([whole], 8, 7)!;
    // A person stands in columns 3 and 4 all the time, and before column 5 in all but the last frame.
    const standing = createImage(8, 8);
    for (let i = 0; i < 64; i++) standing.data.fill(i % 8 < 4 ? 60 : 100, 3 * i, 3 * i + 3);
    for (let y = 0; y < 8; y++) standing.data.fill(255, 3 * (8 * y + 3), 3 * (8 * y + 6));
    const gone = createImage(8, 8);
    gone.data.set(standing.data);
    for (let y = 0; y < 8; y++) gone.data.fill(100, 3 * (8 * y + 5), 3 * (8 * y + 6));
    for (let t = 0; t < 6; t++) collector.add(standing, t, [{ x0: 3, y0: -1, x1: 5, y1: 9 }]);
    collector.add(gone, 6, [{ x0: 3, y0: -1, x1: 4, y1: 9 }]);
    const found = collector.background(0)!;
    // The boxes reach 0.4 px further, so column 2 is never seen and column 5 once; 6 is hidden in all but the last, too.
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((x) => found[3 * (8 * 4 + x)])).toEqual([60, 60, 60, 60, 100, 100, 100, 100]);
  });
});
