/** @file The flow residual of a sequence of predictions, pair after pair. */
import { type Tensor, type Tensor4D, tf } from "../../src/engine/tf.ts";
import type { CueInputs, PredictedFrames } from "../cues/cue.ts";
import { type FlowResidual, flowResidual, measureFlow } from "../cues/flow-agreement.ts";

/** Observed flow between two crops, each way: [size*size*2] in pixels of maps that span the crops' squares. */
export interface PairFlow {
  readonly size: number;
  readonly forward: Float32Array;
  readonly backward: Float32Array;
}

/** What this file needs of a sequence. */
interface FlowSequence {
  readonly name: string;
  /** Ascending frame numbers. */
  readonly frames: readonly number[];
  /** The flow from the frame at a position of `frames` to the next one. */
  flow?(position: number): Promise<PairFlow | undefined>;
}

/** Pairs of one batch whose flow maps have the same size: positions of the first frames and their flow. */
export type FlowGroup = readonly (PairFlow & { readonly position: number })[];

/** The flow of the pairs of neighbours among the positions `begin ... end - 1` of a sequence, grouped by map size. */
export async function loadPairFlows(sequence: FlowSequence, begin: number, end: number): Promise<FlowGroup[]> {
  if (!sequence.flow) return [];
  const groups = new Map<number, (PairFlow & { position: number })[]>();
  for (let position = begin; position + 1 < end; position++) {
    if (sequence.frames[position + 1]! - sequence.frames[position]! !== 1) continue;
    const flow = await sequence.flow(position);
    if (!flow) continue;
    const group = groups.get(flow.size) ?? [];
    groups.set(flow.size, group);
    group.push({ ...flow, position });
  }
  return [...groups.values()];
}

/** The flow residual of one group; `predicted` holds the frames from position `begin` on. */
export function pairResidual(
  sequence: FlowSequence,
  faces: Uint32Array,
  cropSize: number,
  predicted: PredictedFrames,
  begin: number,
  group: FlowGroup,
): FlowResidual {
  const maps = (key: "forward" | "backward"): Tensor4D =>
    tf.stack(group.map((flow) => tf.tensor3d(flow[key], [flow.size, flow.size, 2]))) as Tensor4D;
  const pick = (offset: 0 | 1): PredictedFrames => {
    const at = tf.tensor1d(
      group.map(({ position }) => position - begin + offset),
      "int32",
    );
    return Object.fromEntries(
      Object.entries(predicted).map(([key, value]) => [key, tf.gather(value as Tensor, at)]),
    ) as unknown as PredictedFrames;
  };
  const inputs: CueInputs = {
    cropSize,
    faces,
    pairs: group.map(({ position }) => {
      const [first, second] = [sequence.frames[position]!, sequence.frames[position + 1]!];
      return { video: sequence.name, track: "-", frames: [first, second] };
    }),
    predicted: { first: pick(0), second: pick(1) },
    flow: { first: maps("forward"), second: maps("backward") },
  };
  return flowResidual(measureFlow(`evaluate ${sequence.name}`, inputs));
}
