/** @file The pairs a flow network is trained and measured on, and how good it is on those it has not seen. */
import type { Raft } from "../../flow/raft.ts";
import { proceduralBody } from "../../smpl/procedural-body.ts";
import { tf } from "../../src/engine/tf.ts";
import { createRandom } from "../../src/random.ts";
import { createWorld } from "../synth/world.ts";
import { createFlowPairs, type FlowPairs } from "../synth-flow/dataset.ts";
import { createPeoplePairs, mixPairs } from "../synth-flow/people.ts";
import { disposeBatch, flowBatch } from "./flow-loss.ts";
import type { TrainFlowOptions } from "./flow-options.ts";

/** Errors on one kind of pairs. */
export interface PairAccuracy {
  /** Mean endpoint error in px, of the network and of zero flow. */
  readonly epe: number;
  readonly zero: number;
  /** Share of pixels whose error is above 3 px. */
  readonly above3: number;
  readonly pairs: number;
}

/** Errors on held-out pairs of moving shapes, and of people whose bodies, looks and motions no other split shows. */
export interface FlowAccuracy {
  readonly shapes: PairAccuracy;
  readonly people: PairAccuracy;
}

/** The pairs that the steps of a run draw from. */
export function trainingPairs({ seed, people }: Pick<TrainFlowOptions, "seed" | "people">): FlowPairs {
  const shapes = createFlowPairs(seed, "train");
  if (people === 0) return shapes;
  return mixPairs(shapes, createPeoplePairs(createWorld(proceduralBody()), seed, "train"), people, seed);
}

const heldOutPairs = new Map<number, { readonly shapes: FlowPairs; readonly people: FlowPairs }>();

/** Accuracy on held-out pairs of `options.seed`, `options.heldOut` of each kind, of all sizes that training uses. */
export function heldOutAccuracy(raft: Raft, options: TrainFlowOptions): FlowAccuracy {
  const { seed } = options;
  const pairs = heldOutPairs.get(seed) ?? {
    shapes: createFlowPairs(seed, "held-out"),
    people: createPeoplePairs(createWorld(proceduralBody()), seed, "test"),
  };
  heldOutPairs.set(seed, pairs);
  return { shapes: accuracyOn(raft, pairs.shapes, options), people: accuracyOn(raft, pairs.people, options) };
}

/** Accuracy on the first `options.heldOut` of `pairs`; `raft` works with `options.evaluateUpdates` updates. */
export function accuracyOn(
  raft: Raft,
  pairs: FlowPairs,
  options: Pick<TrainFlowOptions, "heldOut" | "size" | "seed" | "evaluateUpdates">,
): PairAccuracy {
  const sums = { epe: 0, zero: 0, above3: 0 };
  let [count, step] = [0, 0];
  while (count < options.heldOut) {
    const wanted = Math.min(4, options.heldOut - count);
    const batch = flowBatch(
      pairs,
      { batch: wanted, size: options.size },
      ++step,
      createRandom(options.seed, "held-out", step),
    );
    const size = batch.flow.shape[0];
    const [epe, zero, above3] = tf.tidy(() => {
      const all = raft.encode(batch.images);
      const range = Array.from({ length: size }, (_, i) => i);
      const second = range.map((i) => i + size);
      const flow = raft.flowBetween(raft.select(all, range), raft.select(all, second), options.evaluateUpdates);
      const error = tf.norm(tf.sub(flow, batch.flow), 2, 3);
      const means = [
        tf.mean(error),
        tf.mean(tf.norm(batch.flow, 2, 3)),
        tf.mean(tf.cast(tf.greater(error, 3), "float32")),
      ];
      return means.map((mean) => mean.dataSync()[0]!) as [number, number, number];
    }) as unknown as [number, number, number];
    sums.epe += epe * size;
    sums.zero += zero * size;
    sums.above3 += above3 * size;
    count += size;
    disposeBatch(batch);
  }
  return { epe: sums.epe / count, zero: sums.zero / count, above3: sums.above3 / count, pairs: count };
}
