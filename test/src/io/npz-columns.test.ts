import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readNpz } from "../../../src/io/npz.ts";
import { createNpzColumns } from "../../../src/io/npz-columns.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "motioncue-columns-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("rows written one by one are read back as arrays, extras beside them", async () => {
  const path = join(folder, "a.npz");
  const columns = await createNpzColumns(path, {
    poses: { dtype: "float32", shape: [2, 3] },
    index: { dtype: "int32", shape: [] },
  });
  // 20000 rows of 24 bytes: more than one buffer.
  for (let i = 0; i < 20000; i++) {
    await columns.append({ poses: Float32Array.from([i, 1, 2, 3, 4, -i]), index: Int32Array.of(3 * i) });
  }
  await columns.close({ rate: { dtype: "float64", shape: [], data: Float64Array.of(29.97) } });
  const arrays = await readNpz(path);
  expect([...arrays.keys()]).toEqual(["poses", "index", "rate"]);
  expect(arrays.get("poses")!.shape).toEqual([20000, 2, 3]);
  expect(arrays.get("poses")!.data.slice(-6)).toEqual(Float32Array.of(19999, 1, 2, 3, 4, -19999));
  expect(arrays.get("index")!.data[777]).toBe(2331);
  expect(arrays.get("rate")!.data[0]).toBe(29.97);
  expect(await readdir(folder)).toEqual(["a.npz"]);
});

test("no rows make empty arrays; abort leaves nothing; a row of another length is refused", async () => {
  const empty = await createNpzColumns(join(folder, "empty.npz"), { x: { dtype: "float32", shape: [3] } });
  await empty.close();
  expect((await readNpz(join(folder, "empty.npz"))).get("x")!.shape).toEqual([0, 3]);
  const broken = await createNpzColumns(join(folder, "b.npz"), { x: { dtype: "float32", shape: [3] } });
  await expect(broken.append({ x: new Float32Array(2) })).rejects.toThrow("expected shape [3], got [2]");
  await broken.abort();
  expect((await readdir(folder)).sort()).toEqual(["a.npz", "empty.npz"]);
});
