#!/usr/bin/env node
/**
 * @file Time and peak memory of reading a checkpoint of some 400 MB: `node scripts/bench-files.mjs [MB] [FOLDER]`. Writes
 * the files with our own writers, reads each in a fresh process (Linux), prints one JSON line per file, and removes them.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { register } from "tsx/esm/api";

register();
const { readPyTorch } = await import("../src/io/pytorch.ts");
const { writePyTorch } = await import("../src/io/pytorch-write.ts");
const { readSafetensors, writeSafetensors } = await import("../src/io/safetensors.ts");

/** Tensors of a convolutional network's sizes, together so many MB. */
function stateDict(megabytes) {
  const tensors = new Map();
  const values = new Float32Array(1 << 20).map((_, i) => Math.sin(i));
  for (let i = 0; i * 4 * 1.048576 < megabytes; i++) {
    tensors.set(`layer${i}.weight`, { dtype: "float32", shape: [512, 512, 2, 2], data: Float32Array.from(values) });
    tensors.set(`layer${i}.bias`, { dtype: "float32", shape: [512], data: values.slice(i, i + 512) });
  }
  return tensors;
}

async function readOne(path) {
  const baseline = process.memoryUsage.rss();
  const start = performance.now();
  const { tensors } = path.endsWith(".safetensors") ? await readSafetensors(path) : await readPyTorch(path);
  const seconds = (performance.now() - start) / 1000;
  const bytes = statSync(path).size;
  // Not resourceUsage().maxRSS, which begins with the size of the process that started this one.
  const peak = 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
  const megabytes = (count) => Math.round(count / 1e6);
  const figures = { file: path.split("/").at(-1), tensors: tensors.size, megabytes: megabytes(bytes) };
  const memory = {
    peakMegabytes: megabytes(peak),
    beforeMegabytes: megabytes(baseline),
    peakOverFile: Number((peak / bytes).toFixed(2)),
  };
  console.log(JSON.stringify({ ...figures, seconds: Number(seconds.toFixed(3)), ...memory }));
}

const [first = "400", parent = tmpdir()] = process.argv.slice(2);
if (first === "--read") await readOne(parent);
else {
  const folder = mkdtempSync(join(parent, "bench-files-"));
  try {
    const tensors = stateDict(Number(first));
    await writePyTorch(join(folder, "zip.pth"), tensors, { under: ["model"] });
    await writePyTorch(join(folder, "zip-half.pth"), tensors, { under: ["model"], dtype: "float16" });
    await writeSafetensors(join(folder, "plain.safetensors"), tensors);
    for (const name of ["zip.pth", "zip-half.pth", "plain.safetensors"]) {
      const args = [fileURLToPath(import.meta.url), "--read", join(folder, name)];
      process.stdout.write(execFileSync(process.execPath, args));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
