/** @file The experiments' command line. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type CommandResult, defineCommand } from "../pipelines/cli.ts";
import type { Context } from "../pipelines/run/context.ts";
import { OptionError } from "../src/errors.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { suggestion } from "../src/options.ts";
import { drawFigures } from "./figures.ts";
import { FLOW_ERROR, runFlowError } from "./flow-error.ts";
import { completeExperimentOptions, EXPERIMENT_OPTIONS, type ExperimentOptions } from "./options.ts";
import { plans } from "./plans.ts";
import type { ResultHead } from "./results.ts";
import { runExperiment } from "./run.ts";
import { withTables } from "./tables.ts";
import { runTemplates, TEMPLATES } from "./template-run.ts";

const README = fileURLToPath(new URL("../README.md", import.meta.url));

/** What can be asked for besides experiments. */
const TASKS: Readonly<Record<string, string>> = {
  figures: "draws all kept results into docs/",
  tables: "writes all kept results into README's tables",
};
const all = [
  ...[...plans.values(), TEMPLATES, FLOW_ERROR].map(({ name, doc }) => [name, doc]),
  ...Object.entries(TASKS),
];

export const experimentCommand = defineCommand({
  name: "experiment",
  summary: "Train, refine and measure networks in a synthetic world; several processes may run at once.",
  arguments: [
    {
      name: "names",
      doc: `any of: ${all.map(([name, doc]) => `${name} (${doc})`).join("; ")}`,
      variadic: true,
    },
  ],
  options: EXPERIMENT_OPTIONS,
  example: "run experiment -- labels --seeds 0,1,2",
  async run(context, names, given): Promise<CommandResult> {
    const known = all.map(([name]) => name!);
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined)
      throw new OptionError("experiment", `unknown experiment "${unknown}"${suggestion(unknown, known)}`);
    const options = completeExperimentOptions(given);
    const done = [];
    for (const name of names) done.push(await carryOut(name, options, context));
    return {
      text: done.map(({ text }) => text).join("\n"),
      data: done.map(({ data }) => data),
      failed: done.some(({ failed }) => failed),
    };
  },
});

async function carryOut(name: string, options: ExperimentOptions, context: Context): Promise<CommandResult> {
  if (name === "figures") {
    const written = await drawFigures();
    return { text: written.join("\n") || "nothing to draw yet", data: written };
  }
  if (name === "tables") {
    await writeFileAtomic(README, withTables(await readFile(README, "utf8")));
    return { text: `wrote ${README}`, data: README };
  }
  const { result, path } = await resultOf(name, options, context);
  const lines = [`${name}: ${result.done} of ${result.total} networks; ${path}`, ...result.failed];
  return { text: lines.join("\n"), data: result, failed: result.failed.length > 0 };
}

async function resultOf(
  name: string,
  options: ExperimentOptions,
  context: Context,
): Promise<{ readonly result: ResultHead; readonly path: string }> {
  if (name === TEMPLATES.name) return runTemplates(options, context);
  if (name === FLOW_ERROR.name) return runFlowError(options, context);
  return runExperiment(plans.get(name)!, options, context);
}
