import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { flowFieldFrom, isKnownFlow } from "../../flow/flow-field.ts";
import { readKittiFlow, writeKittiFlow } from "../../flow/kitti-file.ts";
import { createImage } from "../../src/image/image.ts";
import { decodePng16, encodePng } from "../../src/image/png.ts";
import { failure, temporaryFolder } from "../support/files.ts";
import { shared } from "../support/shared.ts";

test("numbers by hand, and back to the nearest 64th; too far and unknown are marked", async () => {
  const path = join(temporaryFolder(), "a.png");
  await writeKittiFlow(path, flowFieldFrom(Float32Array.of(1, -2.5, 0.01, 0, 600, 3, 1e10, 1e10, -512, 511.98), 1, 5));
  const { data, height, width } = decodePng16(readFileSync(path));
  expect([height, width]).toEqual([1, 5]);
  expect([...data]).toEqual([32832, 32608, 1, 32769, 32768, 1, 0, 0, 0, 0, 0, 0, 0, 65535, 1]);
  const field = await readKittiFlow(path);
  expect(field.shape).toEqual([1, 5, 2]);
  expect([...field.data.subarray(0, 4)]).toEqual([1, -2.5, 1 / 64, 0]);
  expect([...field.data.subarray(8)]).toEqual([-512, 511.984375]);
  for (const i of [2, 3]) expect(isKnownFlow(field.data[2 * i]!, field.data[2 * i + 1]!)).toBe(false);
});

test("other files are refused by name", async () => {
  const folder = temporaryFolder();
  const [picture, text] = [join(folder, "picture.png"), join(folder, "text.png")];
  writeFileSync(picture, encodePng(createImage(2, 3)));
  writeFileSync(text, "no picture");
  expect(await failure(readKittiFlow(picture))).toMatch(/picture\.png: expected .* 16 bits, got 3 with 8/);
  expect(await failure(readKittiFlow(text))).toMatch(/text\.png: expected a PNG file/);
  expect(await failure(readKittiFlow(join(folder, "none.png")))).toMatch(/none\.png: no such file/);
});

const golden = shared("golden/raft/io_7x5_kitti.png");
test.skipIf(!golden)("raft/io_7x5_kitti.png, and back to the same numbers", async () => {
  const { u, v, kitti_valid } = JSON.parse(readFileSync(shared("golden/raft/io_7x5.json")!, "utf8"));
  const field = await readKittiFlow(golden!);
  expect(field.shape).toEqual([5, 7, 2]);
  for (let y = 0; y < 5; y++) {
    for (let x = 0; x < 7; x++) {
      const [dx, dy] = [field.get(y, x, 0), field.get(y, x, 1)];
      if (!kitti_valid[y][x]) expect(isKnownFlow(dx, dy)).toBe(false);
      else expect([dx, dy]).toEqual([u[y][x], v[y][x]]);
    }
  }
  const path = join(temporaryFolder(), "again.png");
  await writeKittiFlow(path, field);
  expect(decodePng16(readFileSync(path))).toEqual(decodePng16(readFileSync(golden!)));
});
