import { spawn } from "node:child_process";
import { once as event } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cellOf, once } from "../../experiments/cell.ts";
import { withLock } from "../../experiments/lock.ts";
import { failure, temporaryFolder } from "../support/files.ts";

test("a cell is named by what was chosen, in any order, and not by defaults", () => {
  const cell = cellOf("work", "base-10", { steps: 5, seed: 1 }, { steps: 5, seed: 1, batch: 8 });
  expect(cell.folder).toBe(`work/base-10-${cell.key}`);
  expect(cellOf("work", "x", { seed: 1, steps: 5 }, {}).key).toBe(cell.key);
  expect(cellOf("work", "x", { seed: 1, steps: 6 }, {}).key).not.toBe(cell.key);
});

test("a complete cell is not computed again; one that failed is", async () => {
  const parent = temporaryFolder();
  const cell = cellOf(parent, "a", { x: 1 }, { x: 1 });
  let calls = 0;
  const failing = once(cell, async () => {
    calls++;
    throw new Error("interrupted");
  });
  expect(await failure(failing)).toContain("interrupted");
  expect(existsSync(`${cell.folder}.lock`)).toBe(false);
  const work = async () => ({ calls: ++calls });
  expect(await once(cell, work, true)).toBeUndefined();
  expect(await once(cell, work)).toEqual({ calls: 2 });
  expect(await once(cell, work)).toEqual({ calls: 2 });
  expect(await once(cell, work, true)).toEqual({ calls: 2 });
  expect(JSON.parse(readFileSync(join(cell.folder, "cell.json"), "utf8"))).toMatchObject({
    settings: { x: 1 },
    outcome: { calls: 2 },
  });
});

test("another default is told, a new option is not one", async () => {
  const parent = temporaryFolder();
  const chosen = { steps: 5 };
  const cell = (settings: Record<string, unknown>) => cellOf(parent, "a", chosen, settings);
  await once(cell({ steps: 5, clip: 1 }), async () => 1);
  expect(await once(cell({ steps: 5, clip: 1, added: true }), async () => 2)).toBe(1);
  expect(await failure(once(cell({ steps: 5, clip: 3 }), async () => 2))).toMatch(
    /^OptionError: .*cell\.json: was made with clip 1, which is 3 now; give it in the recipe/,
  );
});

test("what a running process holds is left to it, and what a dead one held is taken over", async () => {
  const path = join(temporaryFolder(), "x.lock");
  let inner: unknown = "not asked";
  const outer = await withLock(path, async () => {
    inner = await withLock(path, async () => "inner");
    return "outer";
  });
  expect([outer, inner]).toEqual(["outer", undefined]);

  // Another process that lives, then is dead.
  const script = `setInterval(() => {}, 1000); console.log("ready")`;
  const other = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "ignore"] });
  await event(other.stdout, "data");
  const stat = readFileSync(`/proc/${other.pid}/stat`, "utf8");
  const began = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  writeFileSync(path, `${other.pid} ${began}`);
  expect(await withLock(path, async () => "mine")).toBeUndefined();
  other.kill("SIGKILL");
  await event(other, "exit");
  expect(await withLock(path, async () => "mine")).toBe("mine");
  // A process of the same number that began later is another one.
  writeFileSync(path, `${process.pid} 1`);
  expect(await withLock(path, async () => "mine")).toBe("mine");
  expect(existsSync(path)).toBe(false);
});
