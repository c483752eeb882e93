import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { enterRunFolder, readRunOptions, runFolder } from "../../../pipelines/run/folder.ts";
import { failure, temporaryFolder } from "../../support/files.ts";

test("a folder with a run's work is entered only to go on or to overwrite; its cache stays", async () => {
  const folder = runFolder(join(temporaryFolder(), "run"));
  const plain = { resume: false, overwrite: false };
  await enterRunFolder(folder, plain);
  writeFileSync(folder.options, "{}");
  mkdirSync(join(folder.path, "cache"));
  // Options alone are no work that could be lost.
  await enterRunFolder(folder, plain);
  writeFileSync(folder.regressor, "weights");
  expect(await failure(enterRunFolder(folder, plain))).toMatch(/^OptionError: --out: .* holds a run; .*--overwrite/);
  await enterRunFolder(folder, { resume: true, overwrite: false });
  await enterRunFolder(folder, { resume: false, overwrite: true });
  await enterRunFolder(folder, plain);
  writeFileSync(folder.options, "{ not json");
  expect(await failure(readRunOptions(folder))).toMatch(/^FormatError/);
  expect(await failure(enterRunFolder(runFolder(folder.options), plain))).toContain("expected a folder, got a file");
});
