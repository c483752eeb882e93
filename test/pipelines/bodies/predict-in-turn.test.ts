import { beforeAll, expect, test } from "vitest";
import { pastPlaces } from "../../../pipelines/bodies/predict.ts";
import { predictorInTurn } from "../../../pipelines/bodies/predict-in-turn.ts";
import { loadBody } from "../../../smpl/load-body.ts";
import { createRegressor, withContext } from "../../../smpl/regressor.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { imageFrom } from "../../../src/image/image.ts";
import { createRandom } from "../../../src/random.ts";
import { expectClose } from "../../support/matchers.ts";

beforeAll(() => startEngine());

test("past places: the frames before of the same person, all of them or none, in any order of the batch", () => {
  const at = (person: string, ...frames: number[]) => frames.map((frame) => ({ person, frame }));
  const frames = [...at("a", 4, 5, 6), ...at("b", 5, 7, 6)];
  expect(pastPlaces(frames, 1)).toEqual([[], [0], [1], [], [5], [3]]);
  expect(pastPlaces(frames, 2)).toEqual([[], [], [1, 0], [], [5, 3], []]);
  expect(pastPlaces(frames, 1, 2)).toEqual([[], [], [0], [], [3], []]);
  expect(pastPlaces(frames, 0)).toEqual([[], [], [], [], [], []]);
});

test("predictions do not depend on how frames are cut into batches, and a frame lost ends the past", async () => {
  const regressor = withContext(createRegressor({ backbone: "resnet18", width: 4, hidden: 16, cropSize: 32 }, 5), 2, 3);
  for (const [key, variable] of regressor.parameters) if (key.startsWith("film.")) variable.assign(tf.mul(variable, 8));
  const body = await loadBody("default");
  const crop = (person: string, frame: number) => {
    const random = createRandom(2, person, frame);
    return imageFrom(
      Uint8Array.from({ length: 32 * 32 * 3 }, () => random.integer(256)),
      32,
      32,
    );
  };
  const crops = [0, 1, 2, 3, 5, 6, 7].flatMap((frame) =>
    ["a", "b"].map((person) => ({ person, frame, crop: crop(person, frame) })),
  );
  const camera = (batch: number, ...parts: number[]) => {
    const predict = predictorInTurn(regressor, body, batch);
    let begin = 0;
    return [...parts, crops.length].flatMap((end) => {
      const part = crops.slice(begin, end);
      begin = end;
      return predict(part).map((one) => Array.from(one.camera));
    });
  };
  const whole = camera(100);
  expect(whole).toHaveLength(14);
  expectClose(camera(3).flat(), whole, 1e-5);
  expectClose(camera(2, 4, 5, 11).flat(), whole, 1e-5);
  // After the hole frame 7 is the first with two frames before it: 5 and 6 are as if they were alone.
  const alone = predictorInTurn(regressor, body, 1)(crops.filter(({ frame }) => frame === 6).slice(0, 1));
  expectClose(whole[10]!, Array.from(alone[0]!.camera), 1e-5);
  const later = predictorInTurn(regressor, body, 1)(crops.filter(({ frame }) => frame === 7).slice(0, 1));
  expect(Math.max(...whole[12]!.map((x, i) => Math.abs(x - later[0]!.camera[i]!)))).toBeGreaterThan(1e-4);
  regressor.dispose();
  body.dispose();
});
