/** @file Locks that several processes on one machine respect: a file that names the process that holds it. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Long enough for another process that met the same stale lock to have written its own name. */
const SETTLE_MS = 40;

/**
 * Runs `work` while this process holds the lock file `path`, and returns what it gives; undefined, at once, where another
 * running process holds it. A lock whose process is gone is taken over.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
  const own = await processName(process.pid);
  if (!(await take(path, own!))) return undefined;
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string, own: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true });
  if (await create(path, own)) return true;
  const holder = await readFile(path, "utf8").catch(() => "");
  if (holder === "" || (await isAlive(holder))) return false;
  await rm(path, { force: true });
  if (!(await create(path, own))) return false;
  await pause(SETTLE_MS);
  return (await readFile(path, "utf8").catch(() => "")) === own;
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function isAlive(holder: string): Promise<boolean> {
  const pid = Number.parseInt(holder, 10);
  return pid > 0 && (await processName(pid)) === holder;
}

/** A process's number with when it began, which tells it from a later one of the same number; undefined for none. */
async function processName(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  // Linux: the 22nd field; the second one is in brackets and may hold spaces.
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return `${pid} ${text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? ""}`;
}
