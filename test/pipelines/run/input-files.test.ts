import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { expandInputs, expandVideos } from "../../../pipelines/run/input-files.ts";
import { failure, temporaryFolder } from "../../support/files.ts";

function folderWith(...files: string[]): string {
  const root = temporaryFolder();
  for (const file of files) {
    mkdirSync(join(root, file, ".."), { recursive: true });
    writeFileSync(join(root, file), "");
  }
  return root;
}

describe("expandVideos", () => {
  it("finds videos in folders below, sorted, each with the path below the folder that was given", async () => {
    const root = folderWith(
      "b.MOV",
      "a/z.mp4",
      "a/deep/y.mkv",
      "notes.txt",
      "b.tracks.json",
      ".hidden/x.mp4",
      "a/.c.mp4",
    );
    expect(await expandVideos([root])).toEqual([
      { path: join(root, "a/deep/y.mkv"), relative: "a/deep/y.mkv", name: "a/deep/y" },
      { path: join(root, "a/z.mp4"), relative: "a/z.mp4", name: "a/z" },
      { path: join(root, "b.MOV"), relative: "b.MOV", name: "b" },
    ]);
  });

  it("takes a named file whatever it is called, and each file once", async () => {
    const root = folderWith("clip.dat", "v.mp4");
    const paths = [join(root, "v.mp4"), root, join(root, "clip.dat")];
    expect((await expandVideos(paths)).map((file) => file.relative)).toEqual(["clip.dat", "v.mp4"]);
  });

  it("makes names unique, also on file systems that ignore case", async () => {
    const root = folderWith("one/x.mp4", "two/x.mp4", "three/X.mov");
    const files = await expandVideos(["one/x.mp4", "two/x.mp4", "three/X.mov"].map((file) => join(root, file)));
    expect(files.map((file) => file.name)).toEqual(["x", "X-2", "x-3"]);
  });

  it("is not caught by a link that leads back up", async () => {
    const root = folderWith("a/v.mp4");
    symlinkSync(root, join(root, "a/again"));
    expect((await expandVideos([root])).map((file) => file.relative)).toEqual(["a/v.mp4"]);
  });

  it("refuses a missing path and a folder without any", async () => {
    const root = folderWith("notes.txt");
    expect(await failure(expandVideos([join(root, "nix")]))).toBe(
      `OptionError: ${join(root, "nix")}: expected a video or a folder, found nothing there`,
    );
    expect(await failure(expandVideos([root]))).toBe(
      `OptionError: ${root}: expected a video in this folder or below it, found none; name the files themselves`,
    );
  });
});

it("expandInputs takes any kind of file", async () => {
  const root = folderWith("a.txt", "b.json");
  const files = await expandInputs([root], (path) => path.endsWith(".json"), "JSON file");
  expect(files.map((file) => file.name)).toEqual(["b"]);
});
