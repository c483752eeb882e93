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
    const windows = trackWindows({ id: 1, boxes }, { boxScale: 1.5, windowGrowth: 1.25 });
    const first = { cx: 40, cy: 50, side: 150 };
    const second = { cx: 120, cy: 52, side: 156 };
    expect([...windows]).toEqual([
      [3, first],
      [4, first],
      [5, first],
      [8, second],
      [9, second],
    ]);
    // All but the last are within 1.37 x 100: 10 to 146.
    const wider = trackWindows({ id: 1, boxes }, { boxScale: 1, windowGrowth: 1.37 });
    expect([...wider.values()].map(({ side }) => side)).toEqual([136, 136, 136, 136, 100]);
  });

  it("has nothing where nobody is seen", () => {
    expect(trackWindows({ id: 1, boxes: new Map() }, { boxScale: 1.2, windowGrowth: 2 }).size).toBe(0);
  });
});
