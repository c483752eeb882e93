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
    for (let t = 0; t < 7; t++) collector.add(frame(t), t);
    expect([...collector.background(0)!].every((value) => value === 60)).toBe(true);
    expect([...collector.background(1)!].every((value) => value === 60)).toBe(true);
  });

  it("has none of fewer than five frames, and none where the windows do not fit into memory", () => {
    const collector = collectBackgrounds([whole], 8, 4)!;
    for (let t = 0; t < 4; t++) collector.add(frame(t), t);
    expect(collector.background(0)).toBeUndefined();
    expect(collectBackgrounds(new Array(100).fill(whole), 512, 1000)).toBeUndefined();
  });
});
