/** @file A command of the benchmarks or experiments as a program: parses the command line, runs, prints, sets the exit code. */
import { type LeafSpec, parseCommandLine } from "../pipelines/cli.ts";
import { createContext } from "../pipelines/run/context.ts";
import { MotionCueError } from "../src/errors.ts";
import { createLog } from "../src/log.ts";

/** Runs `command` on this process's arguments: its text or JSON on stdout, failures as one line on stderr. */
export async function runProgram(command: LeafSpec, summary = "MotionCue's benchmarks"): Promise<void> {
  const log = createLog(process.stderr);
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort(new MotionCueError(command.name, "interrupted")));
  const program = { name: "npm run", summary, version: "1" };
  try {
    const argv = [command.name, ...process.argv.slice(2)];
    const parsed = parseCommandLine(program, [command], argv, createContext(log, stop.signal));
    if ("text" in parsed) return console.log(parsed.text);
    const { text, data, failed } = await parsed.run();
    console.log(parsed.json ? JSON.stringify(data, null, 2) : text);
    if (failed) process.exitCode = 1;
  } catch (error) {
    log.status("");
    const known = error instanceof MotionCueError;
    log.info(known ? error.message : String((error as Error).stack));
    process.exitCode = known ? error.exitCode : 1;
  }
}
