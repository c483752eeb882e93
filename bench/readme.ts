/** @file README's speed table, made from the kept results. */
import { FormatError } from "../src/errors.ts";
import type { CaseResult, PeerResult, ResultFile } from "./results.ts";
import { threeDigits } from "./statistics.ts";

/** `text` with `table` between the markers `<!-- NAME -->` and `<!-- /NAME -->`. Throws FormatError without them. */
export function withTable(text: string, table: string, name = "bench", where = "README.md"): string {
  const [first, last] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const begin = text.indexOf(first);
  const end = text.indexOf(last);
  if (begin < 0 || end < begin)
    throw new FormatError(where, `expected the markers ${first} and ${last}; put them back`);
  return `${text.slice(0, begin + first.length)}\n${table}\n${text.slice(end)}`;
}

/**
 * Tables of all results, one per device, libtorch, number of threads and precision; rows in the order of `ids`. Runs against the
 * tuned peer and the peer as it comes stand side by side.
 */
export function speedTables(files: readonly ResultFile[], ids: readonly string[]): string {
  if (files.length === 0) return "Nothing has been measured yet: `npm run bench`.";
  const groups = new Map<string, ResultFile[]>();
  for (const file of files) {
    const key = `${file.device} ${file.library} ${file.threads} ${file.precision}`;
    groups.set(key, [...(groups.get(key) ?? []), file]);
  }
  return [...groups.values()].map((group) => speedTable(group, ids)).join("\n\n");
}

function speedTable(group: readonly ResultFile[], ids: readonly string[]): string {
  const byEnv = (env: string) => group.find(({ peerEnv }) => peerEnv === env)?.cases ?? {};
  const [tuned, asis] = [byEnv("tuned"), byEnv("asis")];
  const known = ids.filter((id) => tuned[id] || asis[id]);
  const hasAsis = known.some((id) => Object.keys(asis[id]?.peers ?? {}).length > 0);
  const head = ["stage", "MotionCue", "PyTorch", "ratio", ...(hasAsis ? ["PyTorch, untuned", "ratio"] : [])];
  const rows = known.map((id) => {
    const main = (tuned[id] ?? asis[id])!;
    const names = Object.keys(main.peers).filter((name) => name !== "");
    const label = `${main.label}, ${main.unit}${names.length > 0 ? ` (PyTorch ${names.join(" / ")})` : ""}`;
    return [label, figure(main), ...peerCells(tuned[id]), ...(hasAsis ? peerCells(asis[id]) : [])];
  });
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = line(head.map((_, i) => (i === 0 ? "---" : "--:")));
  return [line(head), rule, ...rows.map(line), "", caption(group)].join("\n");
}

function figure({ ours: { median, min, max } }: CaseResult): string {
  return `${threeDigits(median)} (${threeDigits(min)} to ${threeDigits(max)})`;
}

function peerCells(result: CaseResult | undefined): [string, string] {
  const peers = Object.values(result?.peers ?? {});
  const cell = (of: (peer: PeerResult) => number) => peers.map((peer) => threeDigits(of(peer))).join(" / ");
  return [cell((peer) => peer.value.median), cell((peer) => peer.ratio.median)];
}

function caption(group: readonly ResultFile[]): string {
  const results = group.flatMap(({ cases }) => Object.values(cases));
  const { device, threads, precision } = group[0]!;
  const unique = (values: readonly string[]) => [...new Set(values)].sort().join(", ");
  const loads = results.map(({ load }) => load);
  const torch = unique(results.flatMap(({ peers }) => Object.values(peers).map((peer) => peer.torch)));
  const rounds = unique(results.map((result) => `${result.rounds}`));
  return [
    `${device}, ${threads} ${threads === 1 ? "thread" : "threads"}, ${precision},`,
    `${unique(results.map(({ engine }) => engine.version))}${torch ? `, PyTorch ${torch}` : ""};`,
    `${unique(results.map(({ date }) => date.slice(0, 10)))}; medians over ${rounds} rounds, ours and PyTorch's in turn`,
    `(least to greatest); ratio = PyTorch's time over ours; load average at the start ${threeDigits(Math.min(...loads))}`,
    `to ${threeDigits(Math.max(...loads))}.`,
  ].join(" ");
}
