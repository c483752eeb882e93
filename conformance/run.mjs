/**
 * @file Runs tfjs-core's own test suite against an engine and prints `ENGINE: N passed, N failed, N excluded`.
 * Usage: node conformance/run.mjs [--engine torch|wasm|cpu] [--grep TEXT] [--report FILE.json]
 * Exit code 0: all passed; 1: some failed; 2: wrong usage, or an exclusion that excludes nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { register } from "tsx/esm/api";
import { buildSuite } from "./build-suite.mjs";
import { runJasmine } from "./jasmine.mjs";

const ENGINES = ["torch", "wasm", "cpu"];
const { values: options } = parseArgs({
  options: {
    engine: { type: "string", default: "torch" },
    grep: { type: "string", default: "" },
    report: { type: "string" },
  },
});
const { engine, grep, report } = options;
if (!ENGINES.includes(engine)) {
  console.error(`conformance: expected --engine ${ENGINES.join(", ")}, got "${engine}"`);
  process.exit(2);
}

register();
await start(engine);
const suite = buildSuite();
// The specs are defined for the environment that is set here; the suite reads it when it loads.
globalThis.conformanceEnvironment = { name: engine, backendName: engine, flags: {}, isDataSync: true };
const exclusions = JSON.parse(readFileSync(new URL("exclusions.json", import.meta.url), "utf8")).filter(({ engines }) =>
  engines.includes(engine),
);
const results = await runJasmine({
  load: () => createRequire(import.meta.url)(suite),
  choose: (name) => name.includes(grep),
  excluded: (name) => exclusions.find(({ spec }) => name.startsWith(spec.replace("ENGINE", engine))),
});

for (const { name, messages } of results.failed) console.log(`FAILED ${name}\n  ${messages.join("\n  ")}`);
const idle = grep ? [] : exclusions.filter((exclusion) => !results.excluded.some(({ by }) => by === exclusion));
for (const { spec } of idle) console.log(`conformance: the exclusion "${spec}" excludes nothing; remove it`);
const counts = { passed: results.passed.length, failed: results.failed.length, excluded: results.excluded.length };
if (report) {
  writeFileSync(
    report,
    `${JSON.stringify({ engine, ...counts, seconds: results.seconds, failures: results.failed }, null, 2)}\n`,
  );
}
console.log(`${engine}: ${counts.passed} passed, ${counts.failed} failed, ${counts.excluded} excluded`);
process.exit(counts.failed > 0 ? 1 : idle.length > 0 || counts.passed === 0 ? 2 : 0);

/** Makes the engine known to tfjs under its name. */
async function start(name) {
  if (name === "cpu") {
    await import("../src/engine/tf.ts");
    await import("@tensorflow/tfjs-backend-cpu");
  } else {
    const { startEngine } = await import("../src/engine/engine.ts");
    await startEngine(name);
  }
}
