/**
 * @file Bundles tfjs-core's gradient functions, which its Node bundle leaves out, into build/tfjs-gradients.cjs.
 * tfjs-core keeps registries and engine on the global object, so the bundle serves the tfjs-core that everything imports.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { buildSync } from "esbuild";

const root = new URL("..", import.meta.url).pathname;
const { version } = JSON.parse(readFileSync(`${root}node_modules/@tensorflow/tfjs-core/package.json`, "utf8"));
const out = `${root}build/tfjs-gradients.cjs`;
const stamp = `// tfjs-core ${version}\n`;
if (!existsSync(out) || !readFileSync(out, "utf8").startsWith(stamp)) {
  const result = buildSync({
    stdin: { contents: 'import "@tensorflow/tfjs-core/dist/register_all_gradients.js";', resolveDir: root },
    bundle: true,
    write: false,
    format: "cjs",
    platform: "node",
    mainFields: ["module", "main"],
    ignoreAnnotations: true,
    legalComments: "none",
    logLevel: "warning",
  });
  mkdirSync(`${root}build`, { recursive: true });
  writeFileSync(`${out}.tmp`, stamp + result.outputFiles[0].text);
  renameSync(`${out}.tmp`, out);
}
