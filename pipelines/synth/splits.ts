/** @file Named splits of the synthetic world: what one of them shows, neither of the others shows. */
import { hashText } from "../../src/random.ts";

/** The parts of a data set: to learn from, to choose by, to report on. */
export const SPLITS = ["train", "validation", "test"] as const;
export type Split = (typeof SPLITS)[number];

/** Shares of motions that are kept for choosing and reporting. */
const SHARE = { validation: 0.1, test: 0.2 } as const;

/**
 * The split of a thing of that name, whatever else there is: by the hash of the name. What must be in all of them is said
 * by who asks.
 */
export function splitOfName(name: string): Split {
  // The last bits of FNV-1a of short, similar names are alike; a multiplication mixes them upwards.
  const place = (Math.imul(hashText(name), 0x9e3779b1) >>> 0) / 2 ** 32;
  if (place < SHARE.test) return "test";
  return place < SHARE.test + SHARE.validation ? "validation" : "train";
}

/**
 * The things of a split among `names`: by the order of their hashes, so that each split gets its share even of a few (at
 * least one of three), and all of them together get every name once.
 */
export function namesOfSplit(names: readonly string[], split: Split): string[] {
  const ordered = [...names].sort((a, b) => hashText(a) - hashText(b) || (a < b ? -1 : 1));
  const enough = (share: number) =>
    ordered.length < SPLITS.length ? 0 : Math.max(1, Math.round(share * ordered.length));
  const [test, validation] = [enough(SHARE.test), enough(SHARE.validation)];
  if (split === "test") return ordered.slice(0, test);
  return split === "validation" ? ordered.slice(test, test + validation) : ordered.slice(test + validation);
}
