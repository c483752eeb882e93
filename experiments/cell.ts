/** @file A cell: one step of an experiment in a folder of its own, named by what was chosen for it, done once whoever asks. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { contentKey } from "../pipelines/run/content-key.ts";
import { OptionError } from "../src/errors.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { withLock } from "./lock.ts";

/** Plain data by name. */
export type Settings = Readonly<Record<string, unknown>>;

/** A cell's place. */
export interface Cell {
  readonly folder: string;
  /** Digits that stand for what was chosen. */
  readonly key: string;
  /** All that decides the outcome, defaults included. */
  readonly settings: Settings;
}

/** What `cell.json` holds. */
interface Kept<T> {
  readonly settings: Settings;
  readonly seconds: number;
  readonly outcome: T;
}

/**
 * The cell `<parent>/<label>-<digits>`. The digits stand for `chosen` alone, in any order of its keys: an option that is
 * new, or whose default becomes what was chosen, does not make it another cell. `settings` is checked by `once`.
 */
export function cellOf(parent: string, label: string, chosen: Settings, settings: Settings): Cell {
  const ordered = Object.entries(chosen).sort(([a], [b]) => (a < b ? -1 : 1));
  const key = contentKey(ordered).slice(0, 10);
  return { folder: join(parent, `${label}-${key}`), key, settings };
}

/**
 * The outcome of a cell: read where it is complete, else computed by `work` under a lock and kept with the settings in
 * `cell.json`. Undefined while another process computes it. `work` must be able to go on with what an interrupted one left
 * in the folder. With `onlyLook` it is not computed: undefined where it is not complete. Throws OptionError where a complete
 * cell was made with another value of a setting.
 */
export async function once<T>(
  { folder, settings }: Omit<Cell, "key">,
  work: () => Promise<T>,
  onlyLook = false,
): Promise<T | undefined> {
  const path = join(folder, "cell.json");
  const known = await readKept<T>(path, settings);
  if (known) return known.outcome;
  if (onlyLook) return undefined;
  return withLock(`${folder}.lock`, async () => {
    const found = await readKept<T>(path, settings);
    if (found) return found.outcome;
    const began = performance.now();
    const outcome = await work();
    const seconds = Math.round((performance.now() - began) / 1000);
    const kept: Kept<T> = { settings, seconds, outcome };
    await writeFileAtomic(path, `${JSON.stringify(kept, null, 2)}\n`);
    return outcome;
  });
}

async function readKept<T>(path: string, settings: Settings): Promise<Kept<T> | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const kept = JSON.parse(text) as Kept<T>;
  for (const [name, value] of Object.entries(kept.settings)) {
    const now = JSON.stringify(settings[name]);
    if (now === undefined || now === JSON.stringify(value)) continue;
    const found = `was made with ${name} ${JSON.stringify(value)}, which is ${now} now`;
    throw new OptionError(path, `${found}; give it in the recipe, or remove the folder to compute it again`);
  }
  return kept;
}
