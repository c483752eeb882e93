/** @file Python with PyTorch, for comparisons with other people's code; optional. */
import { execFile, spawnSync } from "node:child_process";

let found: string | undefined | null = null;

/** A Python that can import torch and torchvision, or undefined (said once on stdout) where there is none. */
export function torchPython(): string | undefined {
  if (found === null) {
    const works = (name: string) =>
      spawnSync(name, ["-c", "import torch, torchvision"], { stdio: "ignore" }).status === 0;
    found = ["/usr/bin/python3", "python3"].find(works);
    if (!found)
      console.log("skipped: no Python with torch and torchvision (Debian: python3-torch, python3-torchvision)");
  }
  return found;
}

/** What a Python program (a file, or text after "-c") prints; one thread. Rejects with what it said when it fails. */
export function runTorchPython(args: readonly string[]): Promise<string> {
  const env = { ...process.env, OMP_NUM_THREADS: "1", PYTHONDONTWRITEBYTECODE: "1" };
  return new Promise((resolve, reject) => {
    execFile(torchPython()!, args, { env, maxBuffer: 2 ** 24 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout),
    );
  });
}
