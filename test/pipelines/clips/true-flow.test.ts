/** @file True flow between crops: by hand, and of a video whose joints are known. */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { prepareClips } from "../../../pipelines/clips/prepare.ts";
import { flowOfCrops, trueFlowSource } from "../../../pipelines/clips/true-flow.ts";
import { loadClipFlow } from "../../../pipelines/flow/load-flow.ts";
import { refine } from "../../../pipelines/refine/refine.ts";
import { createContext } from "../../../pipelines/run/context.ts";
import { expandVideos } from "../../../pipelines/run/input-files.ts";
import { synthesize } from "../../../pipelines/synth/synthesize.ts";
import { startEngine } from "../../../src/engine/engine.ts";
import { cropMap } from "../../../src/image/crop.ts";
import { createImage } from "../../../src/image/image.ts";
import { floatsToHalf, halfToFloats } from "../../../src/io/half.ts";
import { toFloat32 } from "../../../src/io/host-tensor.ts";
import { numbersOf, readNpz, writeNpz } from "../../../src/io/npz.ts";
import { failure, temporaryFolder } from "../../support/files.ts";
import { writeTinyNetworks } from "../../support/tiny-run.ts";

beforeAll(() => startEngine());

test("flow between two squares is A2(p + F(p)) - q", () => {
  // A frame of 4 x 3 in which everything moves by (2, -1), and crops of 2 px: of a square of side 4, then of one of side 8.
  const flow = Float32Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? 2 : -1));
  const full = { flow, layers: new Uint8Array(12), height: 3, width: 4 };
  const found = flowOfCrops(full, { cx: 1.5, cy: 1, side: 4 }, { cx: 5.5, cy: 2, side: 8 }, 2);
  // Pixel (0, 0) of the first crop is frame point (0.5, 0), goes to (2.5, -1), which is (2.5 - 5.5) / 4 + 0.5 = -0.25 and
  // (-1 - 2) / 4 + 0.5 = -0.25 of the second. One pixel further in the first crop is half a pixel in the second.
  expect([...found]).toEqual([-0.25, -0.25, -0.75, -0.25, -0.25, -0.75, -0.75, -0.75]);
});

test("flow of what stands before something else is not mixed with it", () => {
  const flow = Float32Array.of(0, 0, 0, 0, 8, 4, 8, 4);
  const full = { flow, layers: Uint8Array.of(0, 0, 1, 1), height: 1, width: 4 };
  const square = { cx: 1.5, cy: 0, side: 4 };
  const found = flowOfCrops(full, square, square, 8).slice(0, 16);
  // Twice as fine: the pixels lie at -0.25, 0.25 ... 3.25, so the fifth, at 1.75, is the first that shows the second layer.
  expect([...found].filter((_, i) => i % 2 === 0)).toEqual([0, 0, 0, 0, 16, 16, 16, 16]);
});

test("it is read pair by pair from the file beside the video, both ways, and not of frames further apart", async () => {
  const folder = temporaryFolder();
  const grid = (values: readonly number[]) => ({
    dtype: "float16" as const,
    shape: [2, 1, 2, 2],
    data: floatsToHalf(Float32Array.from(values.flatMap((value) => [value, 0, value, 0]))),
  });
  const bytes = (shape: readonly number[]) => ({
    dtype: "uint8" as const,
    shape,
    data: new Uint8Array(shape.reduce((a, b) => a * b, 1)),
  });
  await writeNpz(join(folder, "a.flow.npz"), {
    flow: grid([1, 3]),
    backward: grid([-1, -4]),
    layers: bytes([2, 1, 2]),
    lastLayers: bytes([1, 2]),
  });
  const flow = await trueFlowSource.open(join(folder, "a.mp4"));
  const cropped = (frame: number, cx: number) => ({
    frame,
    square: { cx, cy: 0, side: 2 },
    image: createImage(2, 2),
  });
  const frames = [cropped(1, 0.5), cropped(2, 1.5), cropped(4, 0)];
  const found = await flow(frames, [[0, 1], [0, 2]]); // biome-ignore format: a list of pairs
  expect(halfToFloats(found.forward(0))[0]).toBe(3 - 1);
  expect(halfToFloats(found.backward(0))[0]).toBe(-4 + 1);
  expect(() => found.forward(1)).toThrow("--flow truth: is known between neighbouring frames, got 1 and 4");
  expect(await failure(trueFlowSource.open(join(folder, "b.mp4")))).toContain("synth --truth flow");
  const options = { flow: "truth", flowWeights: "x", flowUpdates: undefined };
  expect(await failure(loadClipFlow(options))).toContain("has no weights");
});

test("the joints of a synthetic person move as the true flow says, and a network is refined by it", async () => {
  const folder = temporaryFolder();
  const made = await synthesize({ out: folder, videos: 1, frames: 6, fps: 12, size: 160, truth: "flow", obstacles: 0, seed: 4 }); // biome-ignore format: one line
  const [video] = await expandVideos([folder]);
  const settings = { cropSize: 32, flowSize: 96, boxScale: 1.2, boxSmoothing: 0, maxPairs: 9 };
  const places = { cache: join(folder, "cache"), tracks: folder, flowUpdates: 0, flowIdentity: "truth" };
  const { stores } = await prepareClips([video!], { ...settings, ...places }, trueFlowSource, createContext());
  const truth = await readNpz(made.videos[0]!.truth);
  const joints = toFloat32(numbersOf(truth, "joints2d", "truth", [6, 24, 2]));
  const { crops, pairs } = stores[0]!.index.clips[0]!;
  expect(pairs).toHaveLength(5);
  const [misses, lengths]: [number[], number[]] = [[], []];
  for (const [i, [a, b]] of pairs.entries()) {
    const { forward } = await stores[0]!.readFlow(0, i);
    const [from, to] = [cropMap(crops[a]!, 96), cropMap(crops[b]!, 96)];
    for (let j = 0; j < 24; j++) {
      const at = (frame: number, c: number) => joints[2 * (24 * frame + j) + c]!;
      const [x, y] = [from.a * at(a, 0) + from.bx, from.a * at(a, 1) + from.by];
      const [dx, dy] = [to.a * at(b, 0) + to.bx - x, to.a * at(b, 1) + to.by - y];
      const pixel = 2 * (Math.round(y) * 96 + Math.round(x));
      misses.push(Math.hypot(forward[pixel]! - dx, forward[pixel + 1]! - dy));
      lengths.push(Math.hypot(dx, dy));
    }
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
  // Joints lie inside the body, not on its surface, and some are hidden by other limbs.
  expect(median(misses)).toBeLessThan(0.25 * median(lengths));
  expect(median(lengths)).toBeGreaterThan(0.5);

  const tiny = await writeTinyNetworks(folder);
  const job = { regressor: tiny.regressor!, tracks: folder, flow: "truth", steps: 2, batch: 2, cache: places.cache };
  const result = await refine({ ...job, videos: [folder], out: join(folder, "run") });
  expect(result.after.pixels).not.toBe(result.before.pixels);
  const apart = refine({ ...job, videos: [folder], out: join(folder, "apart"), frameGap: 2 });
  expect(await failure(apart)).toContain("OptionError: --flow truth");
});
