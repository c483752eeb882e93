/** @file The true flow of synthetic videos as flow between crops, from the files that `synth --truth flow` leaves beside them. */
import { stat } from "node:fs/promises";
import { FormatError, OptionError } from "../../src/errors.ts";
import type { CropSquare } from "../../src/image/box.ts";
import { cropMap } from "../../src/image/crop.ts";
import { sizeOf } from "../../src/image/image.ts";
import { floatsToHalf } from "../../src/io/half.ts";
import { toFloat32 } from "../../src/io/host-tensor.ts";
import { numbersOf, readNpz } from "../../src/io/npz.ts";
import type { CropFlow, FlowSource } from "./flow-source.ts";

/** One frame's flow to a neighbour, in px of the frame, and what each pixel shows. */
export interface FullFlow {
  /** [H*W*2] */
  readonly flow: Float32Array;
  /** [H*W] numbers that differ where surfaces differ. */
  readonly layers: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
}

/** The flow of whole videos, one file in memory at a time. */
export const trueFlowSource: FlowSource = { open: openTrueFlow };

/** Throws FormatError where no true flow lies beside the video; the flow itself OptionError for frames that are no neighbours. */
async function openTrueFlow(video: string): Promise<CropFlow> {
  const path = video.replace(/\.[^./\\]*$/, ".flow.npz");
  if (!(await stat(path).catch(() => undefined)))
    throw new FormatError(
      path,
      `expected the true flow of ${video} there, as synth --truth flow writes it, found nothing`,
    );
  const arrays = await readNpz(path, { keys: ["flow", "backward", "layers", "lastLayers"] });
  const [pairCount, height, width] = numbersOf(arrays, "layers", path, [-1, -1, -1]).shape as [number, number, number];
  const flows = (key: string) => toFloat32(numbersOf(arrays, key, path, [pairCount, height, width, 2]));
  const [forward, backward] = [flows("flow"), flows("backward")];
  const layers = numbersOf(arrays, "layers", path).data as Uint8Array;
  const lastLayers = numbersOf(arrays, "lastLayers", path, [height, width]).data as Uint8Array;
  const area = height * width;
  const layersOf = (frame: number) =>
    frame < pairCount ? layers.subarray(frame * area, (frame + 1) * area) : lastLayers;
  const full = (flow: Float32Array, pair: number, frame: number): FullFlow => ({
    flow: flow.subarray(2 * pair * area, 2 * (pair + 1) * area),
    layers: layersOf(frame),
    height,
    width,
  });
  return async (frames, pairs) => {
    const both = (i: number) => {
      const [first, second] = pairs[i]!.map((place) => frames[place]!) as [(typeof frames)[0], (typeof frames)[0]];
      if (second.frame !== first.frame + 1)
        throw new OptionError(
          "--flow truth",
          `is known between neighbouring frames, got ${first.frame} and ${second.frame}; use --frame-gap 1 --neighbours 1`,
        );
      if (second.frame > pairCount)
        throw new FormatError(path, `expected flow to frame ${second.frame}, got that of ${pairCount + 1} frames`);
      return [first, second] as const;
    };
    const between = (flow: FullFlow, from: CropSquare, to: CropSquare) =>
      floatsToHalf(flowOfCrops(flow, from, to, sizeOf(frames[0]!.image).height));
    return {
      forward: (i) => {
        const [first, second] = both(i);
        return between(full(forward, first.frame, first.frame), first.square, second.square);
      },
      backward: (i) => {
        const [first, second] = both(i);
        return between(full(backward, first.frame, second.frame), second.square, first.square);
      },
    };
  };
}

/**
 * Flow [size*size*2] from the crop of `from` to that of `to`, px of the crops, by the flow of the whole frame: with the maps
 * A1 and A2 from frame to crops, F(q) = A2(p + F_full(p)) - q where p = A1^-1(q). Exact for any two squares; outside the
 * frame its border's flow holds.
 */
export function flowOfCrops(full: FullFlow, from: CropSquare, to: CropSquare, size: number): Float32Array {
  const [first, second] = [cropMap(from, size), cropMap(to, size)];
  const out = new Float32Array(2 * size * size);
  for (let y = 0, at = 0; y < size; y++)
    for (let x = 0; x < size; x++, at += 2) {
      const [px, py] = [(x - first.bx) / first.a, (y - first.by) / first.a];
      const [dx, dy] = flowAt(full, px, py);
      out[at] = second.a * (px + dx) + second.bx - x;
      out[at + 1] = second.a * (py + dy) + second.by - y;
    }
  return out;
}

/** Bilinear among the pixels that show what the nearest one shows: flow of person and ground is not mixed. */
function flowAt({ flow, layers, height, width }: FullFlow, x: number, y: number): [number, number] {
  const [px, py] = [Math.min(width - 1, Math.max(0, x)), Math.min(height - 1, Math.max(0, y))];
  const layer = layers[Math.round(py) * width + Math.round(px)];
  const [left, top] = [Math.floor(px), Math.floor(py)];
  let [dx, dy, total] = [0, 0, 0];
  for (let corner = 0; corner < 4; corner++) {
    const [column, row] = [Math.min(width - 1, left + (corner & 1)), Math.min(height - 1, top + (corner >> 1))];
    const pixel = row * width + column;
    if (layers[pixel] !== layer) continue;
    const weight = (corner & 1 ? px - left : 1 - px + left) * (corner >> 1 ? py - top : 1 - py + top);
    dx += weight * flow[2 * pixel]!;
    dy += weight * flow[2 * pixel + 1]!;
    total += weight;
  }
  return [dx / total, dy / total];
}
