/** @file The program: finds the command, runs it, prints its result on stdout, and turns every end into one line and an exit code. */
import { MotionCueError, OptionError } from "../src/errors.ts";
import { createLog } from "../src/log.ts";
import { suggestion } from "../src/options.ts";
import { type CommandResult, type CommandSpec, parseCommandLine } from "./cli.ts";
import { commandLoaders } from "./commands.ts";
import { createContext } from "./run/context.ts";

const PROGRAM = {
  name: "motioncue",
  summary: "Refine a single-frame SMPL body regressor on unlabelled video with optical flow.",
  version: "0.1.0",
};
const EXIT_INTERRUPTED = 130;
/** How long open handles (a decoder, a worker) may keep an interrupted process alive. */
const LINGER_MS = 3000;

/**
 * Runs the command line `argv` (without program names). Returns the exit code: 0 done, 1 work failed, 2 wrong usage,
 * 130 interrupted. Never throws; a failure is one line on stderr (with MOTIONCUE_DEBUG=1 also its stack).
 */
export async function main(argv: readonly string[]): Promise<number> {
  const log = createLog(process.stderr);
  const stop = new AbortController();
  const fail = (error: unknown): number => {
    log.status("");
    if (stop.signal.aborted) {
      log.info("motioncue: interrupted");
      return EXIT_INTERRUPTED;
    }
    log.info(describeError(error));
    return error instanceof MotionCueError ? error.exitCode : 1;
  };
  const release = installHandlers(stop, (error) => process.exit(fail(error)));
  try {
    const parsed = parseCommandLine(PROGRAM, await loadCommands(argv), argv, createContext(log, stop.signal));
    if ("text" in parsed) {
      await print(parsed.text);
      return 0;
    }
    const result = await parsed.run();
    stop.signal.throwIfAborted();
    await printResult(result, parsed.json);
    return result.failed ? 1 : 0;
  } catch (error) {
    return fail(error);
  } finally {
    release();
  }
}

/** Only the named command's module is loaded: the others would cost a second of start-up. */
async function loadCommands(argv: readonly string[]): Promise<CommandSpec[]> {
  const names = Object.keys(commandLoaders);
  const name = argv[0] === "help" ? (argv[1] ?? "--help") : argv[0];
  if (name === undefined) throw new OptionError(PROGRAM.name, `expected a command: ${names.join(", ")}; see --help`);
  const load = async (key: string) => (await commandLoaders[key]!()).command;
  if (names.includes(name)) return [await load(name)];
  if (name === "--help" || name === "-h") return Promise.all(names.map(load));
  if (name.startsWith("-")) return [];
  throw new OptionError(PROGRAM.name, `unknown command "${name}"${suggestion(name, names)}`);
}

function installHandlers(stop: AbortController, end: (error: unknown) => void): () => void {
  const interrupt = () => {
    if (stop.signal.aborted) process.exit(EXIT_INTERRUPTED);
    stop.abort(new MotionCueError(PROGRAM.name, "interrupted"));
    setTimeout(() => process.exit(EXIT_INTERRUPTED), LINGER_MS).unref();
  };
  const pipeClosed = (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    end(error);
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  process.stdout.on("error", pipeClosed);
  return () => {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    process.off("uncaughtException", end);
    process.off("unhandledRejection", end);
    process.stdout.off("error", pipeClosed);
  };
}

function printResult(result: CommandResult, json: boolean): Promise<void> {
  return print(json ? JSON.stringify(result.data, null, 2) : result.text);
}

function print(text: string): Promise<void> {
  if (text === "") return Promise.resolve();
  return new Promise((resolve) => process.stdout.write(`${text}\n`, () => resolve()));
}

/** One line for any failure. Only failures that MotionCue does not know of ask for a report. */
function describeError(error: unknown): string {
  const debug = process.env["MOTIONCUE_DEBUG"] === "1";
  if (debug && error instanceof Error && error.stack) process.stderr.write(`${error.stack}\n`);
  if (error instanceof MotionCueError) return error.message;
  const { message, code, path } = (
    error instanceof Error ? error : { message: String(error) }
  ) as NodeJS.ErrnoException;
  if (code !== undefined && path !== undefined) return `${path}: ${systemProblem(code, message)}`;
  const hint = debug ? "" : "; MOTIONCUE_DEBUG=1 shows where it came from";
  return `motioncue: ${message || String(error)}${hint}`;
}

function systemProblem(code: string, message: string): string {
  const known: Record<string, string> = {
    ENOENT: "expected a file, found nothing there",
    EACCES: "may not be read or written by this user",
    EISDIR: "expected a file, got a folder",
    ENOTDIR: "expected a folder on the way there, got a file",
    ENOSPC: "no space left on the disk",
    EROFS: "the file system cannot be written",
  };
  return known[code] ?? message;
}
