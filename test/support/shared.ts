/** @file Where reference data that is not part of the project is looked for. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../shared/", import.meta.url));
const told = new Set<string>();

/** The path of `shared/<path>` beside the checkout, or undefined (said once on stdout) where it is absent. */
export function shared(path: string): string | undefined {
  if (existsSync(root + path)) return root + path;
  if (!told.has(path)) console.log(`skipped: ../shared/${path} is absent`);
  told.add(path);
  return undefined;
}
