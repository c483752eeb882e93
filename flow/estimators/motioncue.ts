/** @file MotionCue's own small flow network, trained on synthetic motion and shipped with the package. */
import { fileURLToPath } from "node:url";
import { raftEstimator } from "../estimator.ts";
import { loadOwnRaft, ownLayouts } from "../raft-file.ts";

const SHIPPED = fileURLToPath(new URL("../weights/motioncue-flow.safetensors", import.meta.url));

export const motioncueFlow = {
  doc: "MotionCue's own small network (shipped): fast, good for motions up to about 20 px",
  updates: 8,
  weights: SHIPPED,
  layouts: (metadata: Readonly<Record<string, string>> = {}) => ownLayouts(metadata),
  load: async (weightsPath = SHIPPED) => raftEstimator("motioncue", await loadOwnRaft(weightsPath)),
};
