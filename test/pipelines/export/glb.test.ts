import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { PersonFrame } from "../../../pipelines/bodies/predict.ts";
import { createPeopleScene, glbWriter } from "../../../pipelines/export/glb.ts";
import { assumedFocal, placement } from "../../../pipelines/export/prediction-writer.ts";
import { type BodyArrays, createBodyModel } from "../../../smpl/body-model.ts";
import { JOINT_NAMES } from "../../../smpl/joints.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { strongestWeights } from "../../../src/io/skin-influences.ts";
import { temporaryFolder } from "../../support/files.ts";
import { animatedVertices, glbComplaints, glbJson, loadGlb } from "../../support/gltf.ts";
import { PERSON_INFO, posedPerson } from "../../support/posed-person.ts";

beforeAll(() => startEngine());

/** The default body without what glTF cannot hold: pose blend shapes and a fifth weight. */
function plainBody(): BodyArrays {
  const body = proceduralBody();
  const { indices, weights } = strongestWeights(body.lbsWeights, 24);
  const lbsWeights = new Float32Array(body.lbsWeights.length);
  indices.forEach((joint, i) => {
    lbsWeights[24 * (i >> 2) + joint]! += weights[i]!;
  });
  return { ...body, poseDirs: new Float32Array(body.poseDirs.length), lbsWeights };
}

/** The largest distance, metres, of a mesh in the file's world from a person's vertices. */
function farthest(vertices: Float32Array, person: PersonFrame): number {
  const trans = placement(person, PERSON_INFO);
  const sign = [1, -1, -1];
  let most = 0;
  vertices.forEach((value, i) => {
    most = Math.max(most, Math.abs(value - sign[i % 3]! * (person.prediction.vertices[i]! + trans[i % 3]!)));
  });
  return most;
}

test("the animated mesh is the body model's, frame by frame, and the validator is content", async () => {
  const arrays = plainBody();
  const body = createBodyModel(arrays);
  const people = posedPerson(body, [2, 3, 6]);
  body.dispose();
  const path = join(temporaryFolder(), "track-3.glb");
  const writer = await glbWriter(path, PERSON_INFO, arrays);
  for (const person of people) await writer.write(person);
  await writer.close();
  const bytes = new Uint8Array(await readFile(path));
  expect(await glbComplaints(bytes)).toEqual([]);
  const gltf = await loadGlb(bytes);
  for (const person of people)
    expect(farthest(animatedVertices(gltf, "track-3_body", person.time), person), `frame ${person.frame}`).toBeLessThan(
      2e-5,
    );

  const document = glbJson(bytes) as Record<string, Record<string, unknown>[]>;
  expect(document["nodes"]!.slice(0, 24).map(({ name }) => name)).toEqual([...JOINT_NAMES]);
  // The camera that `trans` assumes: 90 px high at a focal length of the 160 x 90 picture's diagonal.
  const perspective = { yfov: 2 * Math.atan(45 / Math.hypot(160, 90)), aspectRatio: 160 / 90 };
  expect(document["cameras"]![0]).toMatchObject({ perspective });
});

test("on the whole body, with pose blend shapes, the file is off by what it says it leaves out: little", async () => {
  const body = createBodyModel(proceduralBody());
  const people = posedPerson(body, [0, 1]);
  const path = join(temporaryFolder(), "a.glb");
  const writer = await glbWriter(path, PERSON_INFO, body.host);
  for (const person of people) await writer.write(person);
  await writer.close();
  body.dispose();
  const gltf = await loadGlb(new Uint8Array(await readFile(path)));
  const off = farthest(animatedVertices(gltf, "track-3_body", 0.04), people[1]!);
  expect(off).toBeGreaterThan(1e-4);
  expect(off).toBeLessThan(0.05);
});

test("the pelvis is seen by the camera where the crop camera saw it", () => {
  const body = createBodyModel(proceduralBody());
  const [person] = posedPerson(body, [4]);
  body.dispose();
  const [x, y, z] = placement(person!, PERSON_INFO);
  const [s, tx, ty] = person!.prediction.camera as unknown as [number, number, number];
  const focal = assumedFocal(160, 90);
  // The plane of the body's origin: crop coordinates (s X + t) over a square of 60 px about (74, 40).
  expect((focal * (x + 0.1)) / z + 79.5).toBeCloseTo(74 + 30 * (s * 0.1 + tx), 3);
  expect((focal * (y - 0.2)) / z + 44.5).toBeCloseTo(40 + 30 * (s * -0.2 + ty), 3);
});

test("all people in one file, each in its own time", async () => {
  const arrays = plainBody();
  const body = createBodyModel(arrays);
  const first = posedPerson(body, [0, 1, 2]);
  const second = posedPerson(body, [2, 3]);
  body.dispose();
  const { track: _, ...info } = PERSON_INFO;
  const scene = createPeopleScene(join(temporaryFolder(), "people.glb"), info, arrays);
  for (const person of first) scene.add({ ...person, track: 1 });
  for (const person of second) scene.add({ ...person, track: 7 });
  await scene.close();
  const bytes = new Uint8Array(await readFile(scene.path));
  expect(await glbComplaints(bytes)).toEqual([]);
  const gltf = await loadGlb(bytes);
  expect(farthest(animatedVertices(gltf, "track-1_body", 0.04), first[1]!)).toBeLessThan(2e-5);
  expect(farthest(animatedVertices(gltf, "track-7_body", 0.08), second[0]!)).toBeLessThan(2e-5);
  const before = animatedVertices(gltf, "track-7_body", 0.04);
  expect(Math.max(...before.map(Math.abs))).toBe(0);
});
