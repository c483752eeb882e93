import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  createFlowField,
  endpointError,
  type FlowField,
  flowFieldFrom,
  flowStatistics,
  isKnownFlow,
} from "../../flow/flow-field.ts";
import { shared } from "../support/shared.ts";

/** A field of one row from its vectors. */
const row = (...vectors: readonly (readonly [number, number])[]): FlowField =>
  flowFieldFrom(Float32Array.from(vectors.flat()), 1, vectors.length);

test("a field is indexed by row, column, component", () => {
  const field = createFlowField(2, 3);
  field.set(1, 2, 0, 0.5);
  field.set(0, 1, 1, -4);
  expect([...field.data]).toEqual([0, 0, 0, -4, 0, 0, 0, 0, 0, 0, 0.5, 0]);
  expect(() => flowFieldFrom(new Float32Array(5), 2, 1)).toThrow("flow field: expected shape [2*1*2], got [5]");
});

test("lengths of the difference, and the shares below 1, 3 and 5 px", () => {
  const truth = row([0, 0], [0, 0], [0, 0], [100, 0], [0, 0]);
  const predicted = row([0.6, 0.8], [0, -2.5], [3, -4], [104, 0], [0, 0]);
  expect(endpointError(predicted, truth)).toEqual({
    pixels: 5,
    epe: (Math.hypot(Math.fround(0.6), Math.fround(0.8)) + 2.5 + 5 + 4) / 5,
    within1: 1 / 5, // a length of 1 is not below 1: fround(0.6, 0.8) is a little more
    within3: 3 / 5,
    within5: 4 / 5,
    flAllPercent: 20, // 4 px of 100 are within 5 %, 5 px of none are not
  });
});

test("pixels that are unknown or not valid do not count", () => {
  const truth = row([0, 0], [1e10, 0], [0, Number.NaN], [0, 0]);
  const predicted = row([0, 2], [0, 0], [0, 0], [9, 9]);
  expect(endpointError(predicted, truth, [1, 1, 1, 0])).toMatchObject({ pixels: 1, epe: 2 });
  expect(endpointError(predicted, truth, [0, 1, 1, 0])).toMatchObject({ pixels: 0, epe: Number.NaN });
});

test("an unknown prediction of a known pixel cannot look good", () => {
  const error = endpointError(row([Number.NaN, 0], [0, 0]), row([0, 0], [0, 0]));
  expect(error).toMatchObject({ pixels: 2, epe: Number.NaN, within5: 0.5, flAllPercent: 50 });
});

test("fields of other sizes are refused", () => {
  expect(() => endpointError(createFlowField(2, 3), createFlowField(3, 2))).toThrow(
    "expected shape [3, 2, 2], got [2, 3, 2]",
  );
  expect(() => endpointError(createFlowField(2, 3), createFlowField(2, 3), [1])).toThrow(
    "expected shape [2*3], got [1]",
  );
  expect(() => flowStatistics(createFlowField(4, 4).step(2, 1, 1))).toThrow("contiguous");
});

test("statistics leave unknown vectors out", () => {
  expect(flowStatistics(row([3, 4], [0, -1], [2e9, 0]))).toEqual({ known: 2, meanLength: 3, maxLength: 5 });
  expect(flowStatistics(row([Infinity, 0]))).toEqual({ known: 0, meanLength: 0, maxLength: 0 });
  expect([isKnownFlow(1e9, -1e9), isKnownFlow(0, 1.1e9), isKnownFlow(Number.NaN, 0)]).toEqual([true, false, false]);
});

const golden = shared("golden/metrics/flow_epe.json");
test.skipIf(!golden)("metrics/flow_epe.json", () => {
  const { flow_gt, flow_pred, valid, ...expected } = JSON.parse(readFileSync(golden!, "utf8"));
  const error = endpointError(fromPlanes(flow_pred), fromPlanes(flow_gt), valid.flat());
  expect(error.pixels).toBe(145);
  expect(error.epe).toBeCloseTo(expected.epe, 5);
  expect(error.within1).toBe(expected.within_1px);
  expect(error.within3).toBe(expected.within_3px);
  expect(error.within5).toBe(expected.within_5px);
  expect(error.flAllPercent).toBeCloseTo(expected.fl_all_percent, 10);
});

/** A field from rows of dx and rows of dy. */
function fromPlanes([dx, dy]: readonly [number[][], number[][]]): FlowField {
  const field = createFlowField(dx.length, dx[0]!.length);
  dx.forEach((line, y) => {
    line.forEach((value, x) => {
      field.set(y, x, 0, value);
      field.set(y, x, 1, dy[y]![x]!);
    });
  });
  return field;
}
