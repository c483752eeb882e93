import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatFlo, readFlo, readFloSize, writeFlo } from "../../flow/flo-file.ts";
import { createFlowField, endpointError, flowFieldFrom, isKnownFlow } from "../../flow/flow-field.ts";
import { failure, temporaryFolder } from "../support/files.ts";
import { shared } from "../support/shared.ts";

test("the bytes: PIEH, width, height, then rows of (dx, dy)", () => {
  const field = flowFieldFrom(Float32Array.of(1, -2, 0.5, 0, 3, 4, 5, 6, 7, 8, 9, 10), 2, 3);
  const bytes = formatFlo(field);
  expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe("PIEH");
  expect([...new Int32Array(bytes.buffer, 4, 2)]).toEqual([3, 2]);
  expect(new Float32Array(bytes.buffer, 12)).toEqual(field.data);
});

test("a field comes back as it was written; what is not finite becomes unknown", async () => {
  const path = join(temporaryFolder(), "a.flo");
  await writeFlo(path, flowFieldFrom(Float32Array.of(1, -2, Number.NaN, 3, 1e10, 1e10, -Infinity, 0), 1, 4));
  const field = await readFlo(path);
  expect(field.shape).toEqual([1, 4, 2]);
  expect([...field.data]).toEqual([1, -2, 1e10, 3, 1e10, 1e10, 1e10, 0]);
  expect(await readFloSize(path)).toEqual({ height: 1, width: 4 });
});

describe("broken files", () => {
  const good = formatFlo(createFlowField(2, 3));
  const changed = (at: number, value: number) => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setInt32(at, value, true);
    return bytes;
  };
  test.each<[string, Uint8Array, RegExp]>([
    ["empty", new Uint8Array(0), /shorter than its header/],
    ["other magic", changed(0, 7), /not a \.flo file/],
    ["no width", changed(4, 0), /sides of 1 to 99999 px, got 0x2/],
    ["negative height", changed(8, -2), /got 3x-2/],
    ["huge", changed(4, 99_999), /99999x2 needs 1599996 bytes, got 60/],
    ["cut short", good.subarray(0, 59), /3x2 needs 60 bytes, got 59/],
    ["too long", Uint8Array.from([...good, 0]), /needs 60 bytes, got 61/],
  ])("%s", async (_, bytes, message) => {
    expect(await failure(readFlo(bytes))).toMatch(message);
    expect(await failure(readFloSize(bytes))).toMatch(message);
  });
  test("nothing to write", () => {
    expect(() => formatFlo(createFlowField(0, 3))).toThrow("got 3x0");
  });
});

const golden = shared("golden/raft/io_7x5.flo");
test.skipIf(!golden)("raft/io_7x5.flo, and back to the same bytes", async () => {
  const { u, v } = JSON.parse(readFileSync(golden!.replace(/flo$/, "json"), "utf8"));
  const field = await readFlo(golden!);
  expect(field.shape).toEqual([5, 7, 2]);
  for (let y = 0; y < 5; y++) {
    for (let x = 0; x < 7; x++) expect([field.get(y, x, 0), field.get(y, x, 1)]).toEqual([u[y][x], v[y][x]]);
  }
  expect(isKnownFlow(field.get(1, 2, 0), field.get(1, 2, 1))).toBe(false);
  expect(Buffer.from(formatFlo(field))).toEqual(readFileSync(golden!));
});

const middlebury = shared("data/flow/rubberwhale");
test.skipIf(!middlebury)("RAFT's stored flow of RubberWhale has the stated error; so has zero flow", async () => {
  const truth = await readFlo(join(middlebury!, "flow10.flo"));
  expect(endpointError(await readFlo(join(middlebury!, "raft_small_iters20.flo")), truth).epe).toBeCloseTo(0.32, 3);
  const { height, width } = await readFloSize(join(middlebury!, "flow10.flo"));
  expect(endpointError(createFlowField(height, width), truth).epe).toBeCloseTo(1.26, 2);
});
