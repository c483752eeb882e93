/** @file What people call the device that the torch engine runs on. */
import { readdirSync, readFileSync } from "node:fs";

const DRIVER = "/proc/driver/nvidia/gpus";

/** `device` as libtorch calls it ("cpu", "cuda:0") with its threads, or the model that NVIDIA's driver names. */
export function deviceName(device: string, threads: number): string {
  if (device === "cpu") return `cpu, ${threads} threads`;
  try {
    const card = readdirSync(DRIVER).sort()[Number(device.split(":")[1] ?? 0)];
    const model = /^Model:\s*(.+)$/m.exec(readFileSync(`${DRIVER}/${card}/information`, "utf8"))?.[1];
    return model ? `${model} (${device})` : device;
  } catch {
    return device;
  }
}
