/** @file Temporary folders, and the message that a promise fails with. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A new folder that is removed when the running test ends. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "motioncue-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** The error that a promise is rejected with, as `Name: message`; throws when it is not. */
export async function failure(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  throw new Error("expected a failure, got none");
}
