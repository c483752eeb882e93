import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { formatFlo } from "../../../flow/flo-file.ts";
import { createFlowField } from "../../../flow/flow-field.ts";
import { temporaryFolder } from "../../support/files.ts";
import { expectRefusal, motioncue } from "../../support/motioncue.ts";

it("motioncue inspect says what a file is, in words and as JSON", async () => {
  const path = join(temporaryFolder(), "x.flo");
  writeFileSync(path, formatFlo(createFlowField(2, 3)));
  const [words, json] = await Promise.all([motioncue(["inspect", path]), motioncue(["inspect", path, "--json"])]);
  // 12 bytes of header, 2 * 3 vectors of 8 bytes.
  expect(words.stdout).toMatch(/x\.flo: .*flow.*60 B/i);
  expect(JSON.parse(json.stdout)).toMatchObject({ path, bytes: 60 });
  expect([words.code, json.code, words.stderr, json.stderr]).toEqual([0, 0, "", ""]);
});

it("motioncue inspect refuses what is missing, empty, unknown or a folder", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "noise"), "neither this nor that");
  await expectRefusal(["inspect"], 2, /missing required argument 'file'/);
  await expectRefusal(["inspect", join(folder, "nix")], 1, /nix: /);
  await expectRefusal(["inspect", join(folder, "empty")], 1, /empty: /);
  await expectRefusal(["inspect", join(folder, "noise")], 1, /noise: /);
  await expectRefusal(["inspect", folder], 1, /folder/);
});
