/** @file RAFT-large and RAFT-small: flow of all neighbouring pairs of a clip both ways, every frame encoded once. */
import { raftEstimator } from "../../flow/estimator.ts";
import { createRaft } from "../../flow/raft.ts";
import { RAFT_LARGE, RAFT_SMALL } from "../../flow/raft-config.ts";
import { newRaftParameters } from "../../flow/raft-weights.ts";
import type { BenchCase } from "../case.ts";
import { finish } from "../finish.ts";
import { pictureTensor } from "../inputs.ts";
import type { Sizes } from "../options.ts";

const NETWORKS = { large: RAFT_LARGE, small: RAFT_SMALL } as const;

/** The flow cases. The peer does the same as its model comes (`plain`) and encoding every frame once (`tight`). */
export function flowCases({ size, updates, frames }: Sizes): BenchCase[] {
  const pairs = Array.from({ length: frames - 1 }, (_, i) => [i, i + 1] as const);
  return (["large", "small"] as const).map((kind) => ({
    id: `flow-raft-${kind}`,
    label: `RAFT-${kind}, ${size} x ${size}, ${updates} updates, both directions`,
    unit: "ms per pair",
    sizes: { size, updates, frames },
    peers: ["plain", "tight"].map((name) => ({
      name,
      args: ["flow", "--raft", kind, "--flow-mode", name, ...numbers({ size, updates, frames })],
    })),
    prepare: async () => {
      const raft = createRaft(NETWORKS[kind], newRaftParameters(NETWORKS[kind], 7));
      const estimator = raftEstimator(`raft-${kind}`, raft);
      const images = pictureTensor(frames, size);
      return {
        run: () => {
          const { forward, backward } = estimator.clipFlows(images, pairs, updates);
          finish(forward, backward);
          forward.dispose();
          backward.dispose();
        },
        figure: (ms) => ms / pairs.length,
        dispose: () => {
          images.dispose();
          estimator.dispose();
        },
      };
    },
  }));
}

function numbers(options: Readonly<Record<string, number>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}
