/** @file The frame of the command line: a command is a table of arguments and options, from which parsing and help are made. */
import { Command, CommanderError, Option } from "commander";
import { OptionError } from "../src/errors.ts";
import { completeOptions, type OptionSpec, type OptionsOf, type OptionTable, suggestion } from "../src/options.ts";
import type { Context } from "./run/context.ts";

/** A positional argument. Only the last may be variadic, and none may follow an optional one. */
export interface ArgumentSpec {
  readonly name: string;
  readonly doc: string;
  readonly optional?: boolean;
  readonly variadic?: boolean;
}

/** What a command found out. The command line prints `text`, or `data` as JSON with `--json`. */
export interface CommandResult {
  readonly text: string;
  readonly data: unknown;
  /** True when some of the work failed (one video of many) although the rest is done: exit code 1. */
  readonly failed?: boolean;
}

/** A command that does something. */
export interface LeafSpec<T extends OptionTable = OptionTable> {
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: T;
  /** A command line that works, without the program's name. */
  readonly example: string;
  /** `options` are those that were given, checked; the pipeline completes them (a preset may lie between). */
  run(context: Context, args: readonly string[], options: Partial<OptionsOf<T>>): Promise<CommandResult>;
}

/** A command that only holds others, as in `train regressor`. */
export interface GroupSpec {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly LeafSpec[];
}

export type CommandSpec = LeafSpec | GroupSpec;

/** Checks a command's table against its `run` and forgets the option types. */
export function defineCommand<const T extends OptionTable>(spec: LeafSpec<T>): LeafSpec {
  return spec as unknown as LeafSpec;
}

/** What a parsed command line asks for: a result, or text (help, version) that was asked for instead. */
export type Parsed = { readonly run: () => Promise<CommandResult>; readonly json: boolean } | { readonly text: string };

/**
 * Parses `argv` (without program names) against `specs`. Throws OptionError for everything that cannot be used, and
 * for no command at all.
 */
export function parseCommandLine(
  program: { readonly name: string; readonly summary: string; readonly version: string },
  specs: readonly CommandSpec[],
  argv: readonly string[],
  context: Context,
): Parsed {
  let parsed: Parsed | undefined;
  let printed = "";
  const root = new Command(program.name).description(program.summary).version(program.version, "-V, --version");
  root.helpCommand(false).action(() => {
    throw new OptionError(program.name, "expected a command; see --help");
  });
  const take = (result: Parsed) => {
    parsed = result;
  };
  for (const spec of specs) addCommand(root, program.name, spec, context, take);
  visit(root, program.name, (command, path) =>
    command
      .exitOverride((error) => endParsing(path, error))
      .configureOutput({
        writeOut: (text) => {
          printed += text;
        },
        writeErr: () => {},
      }),
  );
  try {
    root.parse(argv[0] === "help" ? [...argv.slice(1), "--help"] : argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return { text: printed.trimEnd() };
    throw error;
  }
  if (!parsed) throw new OptionError(program.name, "expected a command; see --help");
  return parsed;
}

/** Commander's way out: help and version keep its own error, everything else becomes ours. */
function endParsing(path: string, error: CommanderError): never {
  if (error.exitCode === 0) throw error;
  throw new OptionError(path, `${usageProblem(error)}; see ${path} --help`);
}

/** `cropSize` as `--crop-size`. */
export function optionFlag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function addCommand(
  parent: Command,
  path: string,
  spec: CommandSpec,
  context: Context,
  take: (parsed: Parsed) => void,
): void {
  const where = `${path} ${spec.name}`;
  const command = parent.command(spec.name).description(spec.summary);
  if ("commands" in spec) {
    for (const child of spec.commands) addCommand(command, where, child, context, take);
    command.action((_options, self: Command) => {
      const names = spec.commands.map((c) => c.name);
      const [name] = self.args;
      const problem = name === undefined ? "expected a command" : `unknown command "${name}"`;
      throw new OptionError(where, `${problem}${suggestion(name ?? "", names)}`);
    });
    command.allowExcessArguments();
    return;
  }
  for (const argument of spec.arguments) {
    const text = argument.variadic ? `${argument.name}...` : argument.name;
    command.argument(argument.optional ? `[${text}]` : `<${text}>`, argument.doc);
  }
  const flags = [...Object.keys(spec.options).map(optionFlag), "--json", "--help"];
  for (const [name, option] of Object.entries(spec.options)) command.addOption(toOption(where, name, option, flags));
  command.option("--json", "Print the result as JSON.");
  command.addHelpText("after", `\nExample:\n  ${path.split(" ")[0]} ${spec.example}`);
  command.action((...received: unknown[]) => {
    const args = (received.slice(0, spec.arguments.length).flat() as (string | undefined)[]).filter(
      (a) => a !== undefined,
    );
    const given = givenOptions(command, spec.options);
    checkOptions(where, spec.options, given);
    take({ json: command.getOptionValue("json") === true, run: () => spec.run(context, args, given) });
  });
}

function toOption(where: string, name: string, spec: OptionSpec, flags: readonly string[]): Option {
  const flag = optionFlag(name);
  if (spec.kind === "flag") return new Option(spec.default ? flag.replace("--", "--no-") : flag, spec.doc);
  const option = new Option(`${flag} <${placeholder(spec)}>`, `${spec.doc}${bounds(spec)}`);
  return option.argParser((text: string, before: unknown) => {
    if (flags.includes(text)) throw new OptionError(where, `${flag} expects a value, got the option ${text}`);
    if (spec.kind === "list") return [...((before as string[] | undefined) ?? []), text];
    if (spec.kind !== "integer" && spec.kind !== "number") return text;
    const value = text.trim() === "" ? Number.NaN : Number(text);
    return Number.isNaN(value) ? text : value;
  });
}

/** Throws OptionError that names the option as it was typed. */
function checkOptions(where: string, table: OptionTable, given: Partial<OptionsOf<OptionTable>>): void {
  try {
    completeOptions(where, table, given);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    const problem = error.message.slice(where.length + 2);
    throw new OptionError(
      where,
      problem.replace(/^option (\w+)/, (_, name: string) => optionFlag(name)),
    );
  }
}

function givenOptions(command: Command, table: OptionTable): Partial<OptionsOf<OptionTable>> {
  const names = Object.keys(table).filter((name) => command.getOptionValueSource(name) === "cli");
  return Object.fromEntries(names.map((name) => [name, command.getOptionValue(name)]));
}

function placeholder(spec: Exclude<OptionSpec, { kind: "flag" }>): string {
  if (spec.kind === "choice") return spec.choices.join("|");
  return spec.kind === "text" || spec.kind === "list" ? spec.value : "N";
}

/** What the help says of an option besides its sentence: range, default, repeatability. */
function bounds(spec: Exclude<OptionSpec, { kind: "flag" }>): string {
  const notes: string[] = [];
  if (spec.kind === "list") notes.push("repeatable");
  if (spec.kind === "integer" || spec.kind === "number") {
    const { min, max } = spec;
    if (min !== undefined && max !== undefined) notes.push(`${min} to ${max}`);
    else if (min !== undefined) notes.push(`at least ${min}`);
    else if (max !== undefined) notes.push(`at most ${max}`);
  }
  const { default: value } = spec;
  if (value !== undefined) notes.push(`default: ${Array.isArray(value) ? value.join(" ") || "none" : value}`);
  return notes.length > 0 ? ` (${notes.join("; ")})` : "";
}

function usageProblem(error: CommanderError): string {
  return error.message
    .replace(/^error: /, "")
    .replace(/\s*\n\(Did you mean (?:one of )?(.*?)\?\)\s*$/, "; did you mean $1?")
    .replace(/\s*\n\s*/g, " ");
}

function visit(command: Command, path: string, action: (command: Command, path: string) => unknown): void {
  action(command, path);
  for (const child of command.commands) visit(child, `${path} ${child.name()}`, action);
}
