/** @file RAFT-small with weights that the user passes: the official checkpoints or torchvision's. */
import { OptionError } from "../../src/errors.ts";
import { raftEstimator } from "../estimator.ts";
import { RAFT_SMALL } from "../raft-config.ts";
import { loadRaft } from "../raft-file.ts";
import { raftLayouts } from "../raft-names.ts";

export const raftSmall = {
  doc: "RAFT-small (Teed & Deng 2020); needs a weight file, official or torchvision's",
  updates: 12,
  layouts: () => raftLayouts(RAFT_SMALL),
  load: async (weightsPath?: string) => {
    if (!weightsPath) throw new OptionError("raft-small", "expected a weight file, got none; pass --flow-weights FILE");
    return raftEstimator("raft-small", await loadRaft(weightsPath, RAFT_SMALL));
  },
};
