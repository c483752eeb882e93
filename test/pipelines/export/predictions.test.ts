import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { PersonFrame } from "../../../pipelines/bodies/predict.ts";
import { predictionFormats } from "../../../pipelines/export/predictions.ts";
import { restJoints } from "../../../smpl/body-arrays.ts";
import { type BodyModel, createBodyModel } from "../../../smpl/body-model.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { axisAngleToMatrixHost } from "../../../src/geometry/rotation.ts";
import { readNpz } from "../../../src/io/npz.ts";
import { temporaryFolder } from "../../support/files.ts";
import { PERSON_INFO, posedPerson } from "../../support/posed-person.ts";

let body: BodyModel;
let people: PersonFrame[];
beforeAll(async () => {
  await startEngine();
  body = createBodyModel(proceduralBody());
  people = posedPerson(body, [3, 4, 8]);
});

async function write(format: string): Promise<string> {
  const writer = await predictionFormats[format]!(join(temporaryFolder(), `track-3.${format}`), PERSON_INFO, body.host);
  for (const person of people) await writer.write(person);
  await writer.close();
  return writer.path;
}

test.each(Object.keys(predictionFormats))("%s: nothing is left of a file that was given up", async (format) => {
  const { existsSync, readdirSync } = await import("node:fs");
  const folder = temporaryFolder();
  const writer = await predictionFormats[format]!(join(folder, `a.${format}`), { ...PERSON_INFO, fps: 0 }, body.host);
  await writer.write(people[0]!);
  await writer.abort();
  expect(existsSync(writer.path)).toBe(false);
  expect(readdirSync(folder)).toEqual([]);
});

test("npz: boxes and crops, and the body model with root_orient_zup and trans_zup is the same person with z up", async () => {
  const arrays = await readNpz(await write("npz"));
  const row = (key: string, t: number, width: number) =>
    (arrays.get(key)!.data as Float32Array).slice(t * width, (t + 1) * width);
  expect([...row("box", 2, 4)]).toEqual([53, 10, 103, 70]);
  expect([...row("crop", 2, 3)]).toEqual([78, 40, 60]);
  const pose = row("poses", 1, 72);
  pose.set(row("root_orient_zup", 1, 3));
  const turned = tf.tidy(() =>
    body
      .forward({
        rotations: tf.tensor4d(Float32Array.from(axisAngleToMatrixHost(pose)), [1, 24, 3, 3]),
        betas: tf.tensor2d(row("betas_per_frame", 1, 10), [1, 10]),
        transl: tf.tensor2d(row("trans_zup", 1, 3), [1, 3]),
      })
      .vertices.dataSync<"float32">()
      .slice(),
  );
  const trans = row("trans", 1, 3);
  const own = people[1]!.prediction.vertices;
  for (const v of [0, 501, 1002]) {
    const [x, y, z] = [0, 1, 2].map((k) => own[3 * v + k]! + trans[k]!) as [number, number, number];
    [x, z, -y].forEach((value, k) => {
      expect(turned[3 * v + k]).toBeCloseTo(value, 4);
    });
  }
  // The mean shape of a track with one shape is that shape.
  expect([...restJoints(body.host, arrays.get("betas")!.data as Float32Array)]).toEqual([
    ...restJoints(body.host, people[0]!.prediction.betas),
  ]);
});

test("json: the same numbers under the same names", async () => {
  const json = JSON.parse(await readFile(await write("json"), "utf8")) as { frames: Record<string, number[]>[] };
  expect(json).toMatchObject({ source: "walk one.mp4", track: 3, fps: 25, cameraConvention: "sX+t" });
  expect(json.frames).toHaveLength(3);
  const names = "box betas camera crop frame joints joints2d poses root_orient_zup time trans trans_zup".split(" ");
  expect(Object.keys(json.frames[0]!).sort()).toEqual(names.sort());
  expect(json.frames[1]!["box"]).toEqual([49, 10, 99, 70]);
});

const python = pythonWithNumPy();
test.skipIf(!python)("NumPy opens the npz without pickles and finds AMASS's arrays", async () => {
  const script = `
import json, sys, numpy
a = numpy.load(sys.argv[1])
print(json.dumps({"shapes": {k: list(a[k].shape) for k in a.files}, "rate": float(a["mocap_framerate"]),
  "gender": str(a["gender"]), "pose": a["poses"][1].tolist(), "source": str(a["source"])}))`;
  const path = await write("npz");
  const seen = JSON.parse(execFileSync(python!, ["-c", script, path], { encoding: "utf8" }));
  expect(seen).toMatchObject({ rate: 25, gender: "neutral", source: "walk one.mp4" });
  expect(seen.shapes).toMatchObject({ poses: [3, 72], betas: [10], trans: [3, 3], joints: [3, 24, 3], camera: [3, 3], box: [3, 4] }); // biome-ignore format: one object
  const arrays = await readNpz(path, { keys: ["poses"] });
  expect(seen.pose).toEqual([...(arrays.get("poses")!.data as Float32Array).slice(72, 144)]);
});

/** The first Python that has NumPy: a version manager's own often lacks what Debian's has. */
function pythonWithNumPy(): string | undefined {
  const found = ["python3", "/usr/bin/python3"].find((command) => {
    try {
      execFileSync(command, ["-c", "import numpy"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
  if (!found) console.log("skipped: no python3 with NumPy is installed");
  return found;
}
