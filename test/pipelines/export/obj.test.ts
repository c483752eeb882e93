import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { objWriter } from "../../../pipelines/export/obj.ts";
import { placement } from "../../../pipelines/export/prediction-writer.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { temporaryFolder } from "../../support/files.ts";
import { PERSON_INFO, posedPerson } from "../../support/posed-person.ts";
import { sheetBody } from "../../support/sheet-body.ts";

beforeAll(() => startEngine());

test("a video's frames are files of a folder; a picture is one file; triangles count from 1", async () => {
  const body = sheetBody();
  const info = { ...PERSON_INFO, betaCount: body.betaCount };
  const people = posedPerson(body, [4, 11]);
  const folder = temporaryFolder();
  await mkdir(join(folder, "track-3-obj"));
  await writeFile(join(folder, "track-3-obj", "000099.obj"), "of an earlier run");
  await writeFile(join(folder, "track-3-obj", "notes.obj"), "somebody's own");
  const writer = await objWriter(join(folder, "track-3.obj"), info, body.host);
  for (const person of people) await writer.write(person);
  await writer.close();
  expect(writer.path).toBe(join(folder, "track-3-obj"));
  expect((await readdir(writer.path)).sort()).toEqual(["000004.obj", "000011.obj", "notes.obj"]);

  const text = await readFile(join(writer.path, "000011.obj"), "utf8");
  expect(text).toMatch(/^# walk one\.mp4, frame 11, person 3/);
  const vertices = [...text.matchAll(/^v (\S+) (\S+) (\S+)$/gm)].map(([, ...at]) => at.map(Number));
  expect(vertices).toHaveLength(25);
  const [x, y, z] = placement(people[1]!, info);
  const own = people[1]!.prediction.vertices.slice(3 * 7, 3 * 8);
  [own[0]! + x, -(own[1]! + y), -(own[2]! + z)].forEach((value, k) => {
    expect(vertices[7]![k]).toBeCloseTo(value, 4);
  });
  const faces = [...text.matchAll(/^f (\d+) (\d+) (\d+)$/gm)].flatMap(([, ...at]) => at.map((i) => Number(i) - 1));
  expect(faces).toEqual([...body.faces]);

  const picture = await objWriter(join(folder, "photo.obj"), { ...info, fps: 0 }, body.host);
  await picture.write(people[0]!);
  await picture.close();
  expect(existsSync(join(folder, "photo.obj"))).toBe(true);
  await picture.abort();
  expect(existsSync(join(folder, "photo.obj"))).toBe(false);
  body.dispose();
});
