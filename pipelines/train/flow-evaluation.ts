/** @file How good a flow network is on held-out synthetic pairs. */
import type { Raft } from "../../flow/raft.ts";
import { tf } from "../../src/engine/tf.ts";
import { createRandom } from "../../src/random.ts";
import { createFlowPairs, type FlowPairs } from "../synth-flow/dataset.ts";
import { disposeBatch, flowBatch } from "./flow-loss.ts";
import type { TrainFlowOptions } from "./flow-options.ts";

export interface FlowAccuracy {
  /** Mean endpoint error in px, of the network and of zero flow. */
  readonly epe: number;
  readonly zero: number;
  /** Share of pixels whose error is above 3 px. */
  readonly above3: number;
  readonly pairs: number;
}

const cache = new Map<number, FlowPairs>();

/** Accuracy on the held-out split of `options.seed`, over `options.heldOut` pairs of all sizes that training uses. */
export function heldOutAccuracy(raft: Raft, options: TrainFlowOptions): FlowAccuracy {
  const pairs = cache.get(options.seed) ?? createFlowPairs(options.seed, "held-out");
  cache.set(options.seed, pairs);
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
