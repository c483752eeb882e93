/** @file The torch engine has every kernel that tfjs-node has; conformance/kernels.md shows where each comes from. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import "@tensorflow/tfjs-backend-cpu";
import { FUSED } from "../../../src/engine/custom.ts";
import { tf } from "../../../src/engine/tf.ts";
import { kernelTables, torchKernels } from "../../../src/engine/torch/kernel-tables.ts";
import { STRING_KERNELS } from "../../../src/engine/torch/kernels/strings.ts";

const data = (name: string) => fileURLToPath(new URL(`../../../conformance/${name}`, import.meta.url));
const { kernels: nodeKernels }: { kernels: string[] } = JSON.parse(
  readFileSync(data("tfjs-node-kernels.json"), "utf8"),
);
const cpuKernels = new Set(tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName));

/** Kernels of tfjs-node that are no arithmetic on arrays: lists of boxes, texts, and an order of first appearance. */
const BORROWED = ["NonMaxSuppressionV3", "NonMaxSuppressionV4", "NonMaxSuppressionV5", "StaticRegexReplace", "Unique"];

it("every kernel of tfjs-node is there, native but for a few", () => {
  expect(nodeKernels).toHaveLength(155);
  const borrowed = nodeKernels.filter((name) => !(name in torchKernels));
  expect(borrowed).toEqual(BORROWED);
  expect(borrowed.filter((name) => !cpuKernels.has(name))).toEqual([]);
});

it("no kernel stands in two files, and those that hand strings over to the cpu backend are native ones that it has", () => {
  const names = Object.values(kernelTables).flatMap((table) => Object.keys(table));
  expect(new Set(names).size).toBe(names.length);
  expect([...STRING_KERNELS].filter((name) => !(name in torchKernels && cpuKernels.has(name)))).toEqual([]);
});

it("conformance/kernels.md lists them all (vitest -u writes it anew)", async () => {
  const file = (name: string) => Object.entries(kernelTables).find(([, table]) => name in table)?.[0];
  const row = (name: string) => {
    const home = file(name);
    const source = home ? `native: ${home}.ts` : "borrowed from tfjs's cpu backend";
    return `| ${name} | ${source} | ${STRING_KERNELS.has(name) ? "borrowed" : ""} |`;
  };
  // Fused kernels of our own are listed in src/engine/custom.ts.
  const fused = new Set<string>(Object.values(FUSED));
  const others = [...new Set([...Object.keys(torchKernels), ...cpuKernels])].filter(
    (name) => !nodeKernels.includes(name) && !fused.has(name),
  );
  const head = ["| kernel | `torch` | on strings |", "|---|---|---|"];
  const text = [
    "# Kernels of the `torch` engine",
    "",
    `The ${nodeKernels.length} kernels that tfjs-node 4.22 registers (tfjs-node-kernels.json says how they were listed). The`,
    "native ones stand in src/engine/torch/kernels; string tensors stay in JavaScript, on tfjs's cpu backend.",
    "",
    ...head,
    ...nodeKernels.map(row),
    "",
    "Kernels that tfjs-node does not have:",
    "",
    ...head,
    ...others.sort().map(row),
    "",
  ];
  await expect(text.join("\n")).toMatchFileSnapshot(data("kernels.md"));
});
