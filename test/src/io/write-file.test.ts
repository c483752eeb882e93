/** @file Files that appear whole or not at all. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { pendingFile, writeFileAtomic } from "../../../src/io/write-file.ts";

const folder = mkdtempSync(join(tmpdir(), "motioncue-write-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("writeFileAtomic", () => {
  it("makes folders, replaces what is there and leaves nothing else", async () => {
    const path = join(folder, "a/b/file.txt");
    await writeFileAtomic(path, "first");
    await writeFileAtomic(path, Uint8Array.of(104, 105));
    expect(readFileSync(path, "utf8")).toBe("hi");
    expect(readdirSync(join(folder, "a/b"))).toEqual(["file.txt"]);
  });

  it("writes through a symbolic link instead of replacing it", async () => {
    writeFileSync(join(folder, "real.txt"), "old");
    symlinkSync("real.txt", join(folder, "link.txt"));
    await writeFileAtomic(join(folder, "link.txt"), "new");
    expect(readFileSync(join(folder, "real.txt"), "utf8")).toBe("new");
  });

  it("says what is wrong with a folder or a file in the way", async () => {
    mkdirSync(join(folder, "taken"));
    await expect(writeFileAtomic(join(folder, "taken"), "x")).rejects.toThrow(/got a folder; give a file name/);
    writeFileSync(join(folder, "plain"), "");
    await expect(writeFileAtomic(join(folder, "plain/x"), "x")).rejects.toThrow(/is a file, not a folder/);
  });

  it("writes devices directly", async () => {
    await writeFileAtomic("/dev/null", "x");
    await expect(pendingFile("/dev/null")).rejects.toThrow(/got a device/);
  });
});

describe("pendingFile", () => {
  it("gives the name on commit and removes the rest on discard", async () => {
    const path = join(folder, "c/file.bin");
    const kept = await pendingFile(path);
    writeFileSync(kept.temporary, "kept");
    const dropped = await pendingFile(path);
    writeFileSync(dropped.temporary, "dropped");
    expect(kept.temporary).not.toBe(dropped.temporary);
    await kept.commit();
    await dropped.discard();
    expect(readdirSync(join(folder, "c"))).toEqual(["file.bin"]);
    expect(readFileSync(path, "utf8")).toBe("kept");
  });
});
