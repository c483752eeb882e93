/** @file The forward-backward check: golden mask, agreement of map and points, and sizes. */
import { describe, expect, it } from "vitest";
import { consistentAt, forwardBackwardCheck } from "../../flow/consistency.ts";
import { createFlowField, type FlowField, flowFieldFrom } from "../../flow/flow-field.ts";
import { expectClose, readGolden } from "../support/matchers.ts";
import { shared } from "../support/shared.ts";

const path = shared("golden/loss/forward_backward_check.json");

it.skipIf(!path)("gives the golden mask", () => {
  const g = readGolden<{ F12: number[][][]; F21: number[][][]; consistent: number[][] }>(path!);
  // Golden fields have their components first.
  const field = (channels: number[][][]): FlowField => {
    const [u, v] = channels.map((rows) => rows.flat());
    return flowFieldFrom(
      Float32Array.from({ length: 512 }, (_, i) => (i % 2 === 0 ? u : v)![i >> 1]!),
      16,
      16,
    );
  };
  expectClose(forwardBackwardCheck(field(g.F12), field(g.F21)), g.consistent, 0, 0);
});

describe("forward-backward check", () => {
  /** Everything moves 2 px right, and back but for what is in column 4. */
  const forward = () =>
    flowFieldFrom(
      Float32Array.from({ length: 36 }, (_, i) => (i % 2 === 0 ? 2 : 0)),
      3,
      6,
    );
  const backward = () => {
    const back = createFlowField(3, 6);
    for (let y = 0; y < 3; y++) for (let x = 0; x < 6; x++) back.set(y, x, 0, x === 4 ? 1 : -2);
    return back;
  };

  it("marks what does not come back, where it came from", () => {
    // Column 2 lands on the bad column 4; columns 4 and 5 land outside, where nothing flows back.
    const row = [1, 1, 0, 1, 0, 0];
    expectClose(forwardBackwardCheck(forward(), backward()), [...row, ...row, ...row], 0, 0);
  });

  it("is the same at points", () => {
    const back = { data: backward().data, height: 3, width: 6, channels: 2 };
    expectClose(consistentAt([1, 2, 2, 0, 3, 1], [2, 0, 2, 0, 2, 0], back), [1, 0, 1], 0, 0);
  });

  it("refuses fields of different sizes", () => {
    expect(() => forwardBackwardCheck(forward(), createFlowField(3, 5))).toThrow(/forwardBackwardCheck/);
  });
});
