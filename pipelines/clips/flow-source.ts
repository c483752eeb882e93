/** @file Where the flow between crops of a video comes from: a network that looks at them, or anything that knows it. */
import type { FlowEstimator } from "../../flow/estimator.ts";
import type { CropSquare } from "../../src/image/box.ts";
import { type Image, imagesToTensor } from "../../src/image/image.ts";
import { floatsToHalf } from "../../src/io/half.ts";

/** A frame of the video, the square that is cropped of it, and the crop. */
export interface CroppedFrame {
  readonly frame: number;
  readonly square: CropSquare;
  /** [S,S,3] */
  readonly image: Image;
}

/** Flow both ways between pairs of crops in half precision: `forward(i)` is pair i's [S,S,2], px of the crop. */
export interface PairFlows {
  forward(pair: number): Uint16Array;
  backward(pair: number): Uint16Array;
}

/** Flow between crops of one video. */
export type CropFlow = (
  frames: readonly CroppedFrame[],
  pairs: readonly (readonly [number, number])[],
) => Promise<PairFlows>;

/** Knows flow without looking at pictures. */
export interface FlowSource {
  /** What gives the flow between crops of `video`. */
  open(video: string): Promise<CropFlow>;
}

/** The flow of a network, or of what knows it, for one video. */
export async function cropFlow(source: FlowEstimator | FlowSource, video: string, updates: number): Promise<CropFlow> {
  return "open" in source ? source.open(video) : networkFlow(source, updates);
}

function networkFlow(network: FlowEstimator, updates: number): CropFlow {
  return async (frames, pairs) => {
    const input = imagesToTensor(frames.map(({ image }) => image));
    const both = network.clipFlows(input, pairs, updates);
    input.dispose();
    const halves = async (field: typeof both.forward) => {
      const bits = floatsToHalf(await field.data<"float32">());
      field.dispose();
      const length = bits.length / pairs.length;
      return (i: number) => bits.subarray(i * length, (i + 1) * length);
    };
    return { forward: await halves(both.forward), backward: await halves(both.backward) };
  };
}
