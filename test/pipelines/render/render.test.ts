import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { render } from "../../../pipelines/render/render.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { tf } from "../../../src/engine/tf.ts";
import { decodeVideo, probeVideo } from "../../../src/video/video.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { tinyFrame, writeTinyNetworks, writeTinyVideo } from "../../support/tiny-run.ts";

beforeAll(() => startEngine());

test("one frame per frame, the whole frame at its left the right way up, two rows to compare", async () => {
  const folder = temporaryFolder();
  const { regressor, flowWeights } = await writeTinyNetworks(folder);
  const video = await writeTinyVideo(folder, "block", 8);
  const out = join(folder, "debug.mp4");
  const before = tf.memory().numTensors;
  const job = {
    video,
    regressor: regressor!,
    flowWeights: flowWeights!,
    flowUpdates: 1,
    tracks: folder,
    out,
    size: 64,
  };
  const result = await render({ ...job, compare: regressor! });
  expect(tf.memory().numTensors).toBe(before);
  expect(result).toMatchObject({ track: 4, frames: 8 });
  expect(result.residuals[0]).toBeGreaterThan(0);
  expect(result.residuals[1]).toBe(result.residuals[0]);
  // Frame: 80 x 60 at 130 rows, 173 columns; four panels of 64, gaps of 2; one more column makes it even.
  const info = await probeVideo(out);
  expect([info.width, info.height]).toEqual([438, 130]);
  for await (const { image, index } of decodeVideo(out)) {
    const frame = tinyFrame(index);
    // A ground cell in the lower right of the frame, away from label and block.
    const scale = 130 / 60;
    for (let c = 0; c < 3; c++)
      expect(
        Math.abs(image.get(Math.round(scale * 57.5), Math.round(scale * 72.5), c) - frame.get(57, 72, c)),
      ).toBeLessThan(40);
  }
});

test("a person that is not there, and a video that is none, are refused and leave nothing", async () => {
  const folder = temporaryFolder();
  const { regressor, flowWeights } = await writeTinyNetworks(folder);
  const video = await writeTinyVideo(folder, "block", 4);
  const out = join(folder, "debug.mp4");
  const job = { video, regressor: regressor!, flowWeights: flowWeights!, tracks: folder, out };
  expect(await failure(render({ ...job, track: 9 }))).toBe("OptionError: --track: expected one of 4, got 9");
  expect(await failure(render({ ...job, video: regressor! }))).toMatch(/^FormatError/);
  expect(existsSync(out)).toBe(false);
});
