/** @file One case measured: our worker and the peer's runs in turn, round after round. */
import { cpus, loadavg } from "node:os";
import type { BenchCase } from "./case.ts";
import type { CompleteBenchOptions } from "./options.ts";
import { type Ours, startOurs } from "./ours.ts";
import { type Peer, type PeerLine, peerArguments, runPeer } from "./peer.ts";
import type { CaseResult } from "./results.ts";
import { ratioSummary, type Side, summarise, takeTurns } from "./statistics.ts";

/** What a measurement needs beside the case. */
export interface Measuring {
  readonly options: CompleteBenchOptions;
  /** Nothing where there is none. */
  readonly peer: Peer | undefined;
  readonly video: string;
}

/** How many times as many calls of a short case. */
const SHORT = { warmup: 10, repeats: 5 };

/** The options with the calls per round that suit the case, ours and the peer's alike. */
export function paced<T extends Pick<CompleteBenchOptions, "warmup" | "repeats">>(item: BenchCase, options: T): T {
  if (item.isLong) return { ...options, warmup: Math.min(1, options.warmup), repeats: 1 };
  if (!item.isShort) return options;
  return { ...options, warmup: SHORT.warmup * options.warmup, repeats: SHORT.repeats * options.repeats };
}

/** Our worker for a case. The caller stops it. */
export function startCase(stage: string, item: BenchCase, { options, video }: Measuring): Promise<Ours> {
  const { engine, precision, repeats, warmup, sizes, threads } = paced(item, options);
  return startOurs({ stage, id: item.id, engine, precision, repeats, warmup, sizes, video }, threads);
}

/** Times one case. Throws MotionCueError where either side fails. */
export async function measureCase(stage: string, item: BenchCase, measuring: Measuring): Promise<CaseResult> {
  const { peer } = measuring;
  const options = paced(item, measuring.options);
  const load = loadavg()[0]!;
  const date = new Date().toISOString();
  const ours = await startCase(stage, item, measuring);
  try {
    const lines = new Map<string, PeerLine>();
    const sides: Side[] = [{ name: "ours", round: () => ours.round() }];
    const device = ours.engine.device.startsWith("cpu") ? "cpu" : "cuda";
    for (const run of peer ? item.peers : []) {
      const name = `peer ${run.name}`;
      const round = async () => {
        // What the first round found fastest is used in all others.
        const chosen = lines.get(name)?.settings;
        const more = { device, video: measuring.video, ...(chosen ? { chosen } : {}) } as const;
        const line = await runPeer(peer!, run, peerArguments(run, options, more));
        lines.set(name, line);
        return [line.median];
      };
      sides.push({ name, round });
    }
    const medians = await takeTurns(sides, options.rounds);
    const own = medians.get("ours")!;
    const peers = (peer ? item.peers : []).map((run) => {
      const values = medians.get(`peer ${run.name}`)!;
      const { settings } = lines.get(`peer ${run.name}`)!;
      const result = { torch: peer!.torch, value: summarise(values), ratio: ratioSummary(own, values), settings };
      return [run.name, result] as const;
    });
    return {
      date,
      cpu: cpus()[0]?.model ?? "unknown",
      load,
      engine: ours.engine,
      label: item.label,
      unit: item.unit,
      sizes: item.sizes,
      rounds: options.rounds,
      repeats: options.repeats,
      ours: summarise(own),
      peers: Object.fromEntries(peers),
    };
  } finally {
    await ours.stop();
  }
}
