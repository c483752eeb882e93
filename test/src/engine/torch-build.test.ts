/** @file Which libtorch the native engine would be built against; libtorches are stand-ins of empty files. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../../src/engine/torch/native/build.sh", import.meta.url));
const hasCompiler = await run("g++", ["--version"]).then(
  () => true,
  () => false,
);
const onlyWith = it.skipIf(!hasCompiler);

/** A folder with headers and libraries of a libtorch; `library` is the source of its libc10. */
async function standIn(version: string, library?: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "libtorch-"));
  const [major, minor] = version.split(".");
  const headers = join(home, "include/torch/csrc/api/include/torch");
  await mkdir(join(home, "include/ATen/core"), { recursive: true });
  await mkdir(headers, { recursive: true });
  await mkdir(join(home, "lib"));
  await writeFile(join(home, "include/ATen/core/Tensor.h"), "");
  await writeFile(
    join(headers, "version.h"),
    `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n`,
  );
  await writeFile(join(home, "lib/libtorch_cpu.so"), "");
  await writeFile(join(home, "lib/libc10.so"), "");
  if (library !== undefined) {
    await writeFile(join(home, "c10.cc"), library);
    await run("g++", ["-shared", "-fPIC", "-o", join(home, "lib/libc10.so"), join(home, "c10.cc")]);
  }
  return home;
}

/** A folder for PATH whose python3 answers with the folder of its torch package. */
async function pythonWith(home: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "python-"));
  await writeFile(join(folder, "python3"), `#!/bin/sh\necho "${home}"\n`);
  await chmod(join(folder, "python3"), 0o755);
  return folder;
}

async function which(env: Readonly<Record<string, string>>): Promise<string> {
  const { LIBTORCH: _libtorch, VIRTUAL_ENV: _environment, ...inherited } = process.env;
  return (await run("bash", [script, "--which"], { env: { ...inherited, ...env } })).stdout;
}

onlyWith("LIBTORCH comes first, then Python's torch", async () => {
  const [given, python] = [await standIn("2.4"), await standIn("2.11")];
  const PATH = `${await pythonWith(python)}:${process.env["PATH"]}`;
  expect(await which({ LIBTORCH: given, PATH })).toContain(`libtorch 2.4 in ${given},`);
  expect(await which({ PATH })).toContain(`libtorch 2.11 in ${python},`);
});

onlyWith("a Python package without headers, or without libraries, is passed over", async () => {
  const empty = await mkdtemp(join(tmpdir(), "torch-"));
  await mkdir(join(empty, "include/ATen/core"), { recursive: true });
  await writeFile(join(empty, "include/ATen/core/Tensor.h"), "");
  expect(await which({ PATH: `${await pythonWith(empty)}:${process.env["PATH"]}` })).not.toContain(empty);
});

it.skipIf(!hasCompiler || !existsSync("/usr/include/ATen/core/Tensor.h"))(
  "a Python package whose headers are links to the system's means the system's libtorch",
  async () => {
    const linked = await mkdtemp(join(tmpdir(), "torch-"));
    await mkdir(join(linked, "include"));
    await symlink("/usr/include/ATen", join(linked, "include/ATen"));
    expect(await which({ PATH: `${await pythonWith(linked)}:${process.env["PATH"]}` })).toContain(" in /usr,");
  },
);

onlyWith("the C++ ABI is read off the library", async () => {
  const modern = await standIn("2.7", "#include <string>\nstd::string f(std::string s) { return s; }\n");
  const old = await standIn("2.3", "int f(int x) { return x; }\n");
  expect(await which({ LIBTORCH: modern })).toContain("C++ ABI 1, c++17");
  expect(await which({ LIBTORCH: old })).toContain("C++ ABI 0, c++17");
});

onlyWith("headers from 2.13 on are compiled as C++20, and those before 1.13 are refused", async () => {
  expect(await which({ LIBTORCH: await standIn("2.13") })).toContain("c++20");
  expect(await which({ LIBTORCH: await standIn("1.12") })).toContain("expected libtorch 1.13 or newer, got 1.12");
});

it("a LIBTORCH that is none is told, not replaced by another", async () => {
  expect(await which({ LIBTORCH: "/nowhere" })).toContain("LIBTORCH=/nowhere must hold include/ATen");
});
