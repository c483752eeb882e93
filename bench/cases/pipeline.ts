/** @file From a video file to refined weights: decoding, crops, flow of all pairs, and a step for every batch of them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { raftEstimator } from "../../flow/estimator.ts";
import { createRaft } from "../../flow/raft.ts";
import { RAFT_SMALL } from "../../flow/raft-config.ts";
import { newRaftParameters } from "../../flow/raft-weights.ts";
import { prepareClips } from "../../pipelines/clips/prepare.ts";
import { loadPairs, type PairPlace, readAhead } from "../../pipelines/refine/sampler.ts";
import { createContext } from "../../pipelines/run/context.ts";
import { MotionCueError } from "../../src/errors.ts";
import type { BenchCase } from "../case.ts";
import { CROP, type Sizes } from "../options.ts";
import { createRefinement, madeUpLabels } from "../refinement.ts";
import { SMPL_SIZE } from "../tube-body.ts";

/** One case, with RAFT-small. Ours writes crops and flow to its cache and reads them again, in the timed call. */
export function pipelineCases({ size, updates, labelled, pairs, video }: Sizes): BenchCase[] {
  const options = { size, updates, labelled, pairs };
  const { frames, width, height } = video;
  return [
    {
      id: "pipeline",
      label: `video to weights, ${width} x ${height}, RAFT-small, steps of ${labelled} labelled frames and ${pairs} ${pairs === 1 ? "pair" : "pairs"}`,
      unit: "ms per video frame",
      sizes: { ...options, frames, width, height },
      needsVideo: true,
      isLong: true,
      peers: [
        {
          name: "",
          part: "total",
          args: ["pipeline", "--raft", "small", ...Object.entries(options).flatMap(([k, v]) => [`--${k}`, `${v}`])],
        },
      ],
      prepare: async ({ video: path }) => {
        const folder = await mkdtemp(join(tmpdir(), "motioncue-bench-"));
        const flow = raftEstimator("raft-small", createRaft(RAFT_SMALL, newRaftParameters(RAFT_SMALL, 7)));
        const refinement = createRefinement({ cropSize: CROP }, SMPL_SIZE);
        const labels = madeUpLabels(labelled, CROP);
        const settings = {
          tracks: "full",
          cropSize: CROP,
          flowSize: size,
          boxScale: 1,
          maxPairs: frames,
          flowUpdates: updates,
          flowIdentity: "bench",
        };
        let runs = 0;
        const run = async () => {
          const cache = join(folder, `${runs++}`);
          const input = { path, relative: basename(path), name: "bench" };
          const { stores } = await prepareClips([input], { ...settings, cache }, flow, createContext());
          const places = stores.flatMap((store): PairPlace[] =>
            store.index.clips.flatMap((clip, c) => clip.pairs.map((_, pair) => ({ store, clip: c, pair }))),
          );
          if (places.length !== frames - 1)
            throw new MotionCueError("bench pipeline", `expected ${frames - 1} pairs, got ${places.length}`);
          const load = (i: number) => loadPairs(places.slice(i * pairs, (i + 1) * pairs));
          for await (const batch of readAhead(0, Math.ceil(places.length / pairs), load))
            refinement.step(batch, labels);
          await rm(cache, { recursive: true, force: true });
        };
        return {
          run,
          figure: (ms) => ms / frames,
          dispose: () => {
            refinement.dispose();
            flow.dispose();
            void rm(folder, { recursive: true, force: true });
          },
        };
      },
    },
  ];
}
