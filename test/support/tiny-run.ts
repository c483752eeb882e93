/** @file A refinement small enough for tests: a synthetic video, its track, a tiny regressor and a tiny flow network. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RaftConfig } from "../../flow/raft-config.ts";
import { raftShapes } from "../../flow/raft-config.ts";
import { saveRaft } from "../../flow/raft-file.ts";
import type { RefineOptions } from "../../pipelines/refine/options.ts";
import { createRegressor, saveRegressor } from "../../smpl/regressor.ts";
import { createImage, type Image } from "../../src/image/image.ts";
import { initialValues } from "../../src/nn/init.ts";
import { disposeParameters, parametersFromHost } from "../../src/nn/parameters.ts";
import { createRandom } from "../../src/random.ts";
import { encodeVideo } from "../../src/video/encode.ts";

const TINY_FLOW: RaftConfig = {
  block: "bottleneck",
  widths: [8, 8, 8],
  features: 8,
  contextNorm: "none",
  hidden: 8,
  context: 8,
  levels: 2,
  radius: 1,
  motionCorrelation: [8],
  motionFlow: [8, 8],
  motion: 10,
  recurrence: "square",
  flowHead: 8,
  maskHead: 0,
};

/** Frame `t` of a textured block that moves 3 px right and 1 px down per frame over a textured ground, 80 x 60. */
export function tinyFrame(t: number): Image {
  const image = createImage(60, 80);
  const noise = createRandom(7, "texture");
  const texture = Uint8Array.from({ length: 64 * 64 * 3 }, () => 40 + noise.integer(180));
  for (let y = 0; y < 60; y++)
    for (let x = 0; x < 80; x++) {
      const [u, v] = [x - 10 - 3 * t, y - 12 - t];
      const inside = u >= 0 && u < 20 && v >= 0 && v < 32;
      const at = inside
        ? (Math.floor(v / 4) * 64 + Math.floor(u / 4)) * 3
        : (Math.floor(y / 5) * 64 + 32 + Math.floor(x / 5)) * 3;
      for (let c = 0; c < 3; c++) image.data[(y * 80 + x) * 3 + c] = texture[at + c]!;
    }
  return image;
}

/** Writes `<folder>/<name>.mp4` of `count` tiny frames and `<name>.tracks.json` beside it; returns the video's path. */
export async function writeTinyVideo(folder: string, name: string, count = 14): Promise<string> {
  const path = join(folder, `${name}.mp4`);
  const writer = await encodeVideo(path, { width: 80, height: 60, fps: 25 });
  for (let t = 0; t < count; t++) await writer.write(tinyFrame(t));
  await writer.close();
  const frames = Array.from({ length: count }, (_, t) => ({ index: t, box: [10 + 3 * t, 12 + t, 30 + 3 * t, 44 + t] }));
  await writeFile(
    join(folder, `${name}.tracks.json`),
    JSON.stringify({ video: `${name}.mp4`, tracks: [{ id: 4, frames }] }),
  );
  return path;
}

/** Writes the tiny networks into `folder`; returns options that name them and keep a run short. The engine must run. */
export async function writeTinyNetworks(folder: string): Promise<Partial<RefineOptions>> {
  const regressor = createRegressor({ backbone: "resnet18", width: 4, hidden: 16, cropSize: 32 }, 5);
  await saveRegressor(join(folder, "tiny.safetensors"), regressor);
  regressor.dispose();
  // Small motions, so that flow and return flow agree and the cue has vertices to work on.
  const gain = (key: string) => (key.includes("flow_head.conv2") ? 0.05 : 1);
  const flow = parametersFromHost(initialValues(raftShapes(TINY_FLOW), 3, gain));
  await saveRaft(join(folder, "flow.safetensors"), TINY_FLOW, flow);
  disposeParameters(flow);
  return {
    regressor: join(folder, "tiny.safetensors"),
    flowWeights: join(folder, "flow.safetensors"),
    flowUpdates: 2,
    flowCropSize: 64,
    tracks: folder,
    steps: 6,
    batch: 2,
    checkpointEvery: 2,
    learningRate: 1e-3,
  };
}
