/** @file The track file beside a synthetic video. */
import { expect, it } from "vitest";
import { tracksJson } from "../../../pipelines/synth/video-truth.ts";

it("tracks leave out frames in which the person is smaller than a pixel", () => {
  const boxes = Float32Array.of(
    ...[1, 2, 11.123, 22],
    ...[84.5, 63.5, 84.51, 63.5],
    ...[3, 4, 4, 30],
    ...[5, 6, 5.5, 30],
  );
  const found = JSON.parse(tracksJson("folder/one.mp4", boxes));
  expect(found).toMatchObject({ video: "one.mp4", frameCount: 4 });
  expect(found.tracks).toEqual([
    {
      id: 1,
      frames: [
        { index: 0, box: [1, 2, 11.12, 22], score: 1 },
        { index: 2, box: [3, 4, 4, 30], score: 1 },
      ],
    },
  ]);
  expect(JSON.parse(tracksJson("one.mp4", boxes.slice(4, 8))).tracks).toEqual([]);
});
