import { describe, expect, it } from "vitest";
import { trackWindows } from "../../../pipelines/templates/windows.ts";

const box = (x0: number, y0: number, x1: number, y1: number) => ({ x0, y0, x1, y1 });

describe("trackWindows", () => {
  it("gives frames one square as long as the person stays near, and another where the person has gone", () => {
    const boxes = new Map([
      [3, box(10, 0, 50, 100)],
      [4, box(20, 0, 60, 100)],
      // A crouch: the window stays, since the person stood in it.
      [5, box(20, 50, 70, 100)],
      // 20 to 146 would be more than 1.25 x 100 wide.
      [8, box(90, 0, 146, 100)],
      [9, box(94, 4, 150, 104)],
    ]);
    const windows = trackWindows({ id: 1, boxes }, 1.5);
    const first = { cx: 40, cy: 50, side: 150 };
    const second = { cx: 120, cy: 52, side: 156 };
    expect([...windows]).toEqual([
      [3, first],
      [4, first],
      [5, first],
      [8, second],
      [9, second],
    ]);
  });

  it("has nothing where nobody is seen", () => {
    expect(trackWindows({ id: 1, boxes: new Map() }, 1.2).size).toBe(0);
  });
});
