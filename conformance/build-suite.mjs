/** @file Bundles tfjs-core's tests, which are ES modules without file extensions, into one CommonJS file for Node. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const CORE = "@tensorflow/tfjs-core/dist";

/** Path of the bundle; it is made anew where tfjs-core's version or this recipe has changed. */
export function buildSuite() {
  const { version } = JSON.parse(readFileSync(`${root}node_modules/@tensorflow/tfjs-core/package.json`, "utf8"));
  const out = `${root}build/tfjs-tests.cjs`;
  const entry = [
    `require("${CORE}/register_all_gradients.js");`,
    `require("${CORE}/public/chained_ops/register_all_chained_ops.js");`,
    `require("${CORE}/jasmine_util.js").setTestEnvs([globalThis.conformanceEnvironment]);`,
    `require("${CORE}/tests.js");`,
  ].join("\n");
  const stamp = `// tfjs-core ${version}: ${JSON.stringify(entry)}\n`;
  if (existsSync(out) && readFileSync(out, "utf8").startsWith(stamp)) return out;
  const { outputFiles } = buildSync({
    stdin: { contents: entry, resolveDir: root },
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    mainFields: ["module", "main"],
    // The package declares most of its test files free of side effects; registering specs is one.
    ignoreAnnotations: true,
    external: ["jasmine-core", "node-fetch"],
    legalComments: "none",
    logLevel: "error",
  });
  mkdirSync(`${root}build`, { recursive: true });
  writeFileSync(`${out}.${process.pid}`, stamp + outputFiles[0].text);
  renameSync(`${out}.${process.pid}`, out);
  return out;
}
