import { describe, expect, it } from "vitest";
import { type CommandSpec, defineCommand, optionFlag, parseCommandLine } from "../../pipelines/cli.ts";
import { createContext } from "../../pipelines/run/context.ts";

const seen: { args?: readonly string[]; options?: unknown } = {};
const make = defineCommand({
  name: "make",
  summary: "Make things.",
  arguments: [
    { name: "first", doc: "the first" },
    { name: "rest", doc: "the others", optional: true, variadic: true },
  ],
  options: {
    cropSize: { kind: "integer", default: 64, min: 32, max: 512, doc: "side of crops" },
    learningRate: { kind: "number", default: 1e-3, min: 0, doc: "step size" },
    cue: { kind: "list", value: "NAME=WEIGHT", default: ["flow=1"], doc: "a cue" },
    anchor: { kind: "choice", choices: ["teacher", "none"], default: "teacher", doc: "what anchors" },
    overlay: { kind: "flag", default: true, doc: "without pictures" },
    resume: { kind: "flag", doc: "go on" },
    out: { kind: "text", value: "DIR", doc: "where to" },
  },
  example: "make a b --crop-size 128",
  async run(_context, args, options) {
    Object.assign(seen, { args, options });
    return { text: "made", data: { ok: true } };
  },
});
const group: CommandSpec = { name: "train", summary: "Train.", commands: [{ ...make, name: "flow" }] };
const PROGRAM = { name: "mc", summary: "A program.", version: "1.2.3" };

const parse = (...argv: string[]) => parseCommandLine(PROGRAM, [make, group], argv, createContext());
const refusal = (...argv: string[]) => {
  try {
    parse(...argv);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  throw new Error("expected a refusal");
};

describe("parseCommandLine", () => {
  it("hands over arguments and only the options that were given, by their names in code", async () => {
    const parsed = parse(
      "make",
      "a",
      "b",
      "c",
      "--crop-size",
      "128",
      "--learning-rate=1e-4",
      "--cue",
      "x",
      "--cue",
      "y=2",
    );
    expect("run" in parsed && parsed.json).toBe(false);
    expect("run" in parsed && (await parsed.run())).toEqual({ text: "made", data: { ok: true } });
    expect(seen).toEqual({ args: ["a", "b", "c"], options: { cropSize: 128, learningRate: 1e-4, cue: ["x", "y=2"] } });
  });

  it("knows flags, switched-off flags, JSON and nested commands", async () => {
    const parsed = parse("train", "flow", "a", "--no-overlay", "--resume", "--json", "--anchor", "none");
    expect("run" in parsed && parsed.json).toBe(true);
    if ("run" in parsed) await parsed.run();
    expect(seen).toEqual({ args: ["a"], options: { overlay: false, resume: true, anchor: "none" } });
  });

  it("prints help with ranges, defaults and an example from the tables", () => {
    const parsed = parse("help", "make");
    const text = "text" in parsed ? parsed.text.replace(/\s+/g, " ") : "";
    expect(text).toContain("Usage: mc make [options] <first> [rest...]");
    expect(text).toContain("--crop-size <N> side of crops (32 to 512; default: 64)");
    expect(text).toContain("--learning-rate <N> step size (at least 0; default: 0.001)");
    expect(text).toContain("--cue <NAME=WEIGHT> a cue (repeatable; default: flow=1)");
    expect(text).toContain("--anchor <teacher|none> what anchors (default: teacher)");
    expect(text).toContain("--no-overlay without pictures");
    expect(text).toContain("Example: mc make a b --crop-size 128");
    expect(parse("--version")).toEqual({ text: "1.2.3" });
  });

  it.each([
    [["make"], "mc make: missing required argument 'first'; see mc make --help"],
    [
      ["make", "a", "--crop-sise", "64"],
      "mc make: unknown option '--crop-sise'; did you mean --crop-size?; see mc make --help",
    ],
    [["make", "a", "--crop-size", "31"], "mc make: --crop-size must be an integer from 32 to 512, got 31"],
    [["make", "a", "--crop-size", "64px"], 'mc make: --crop-size must be an integer from 32 to 512, got "64px"'],
    [["make", "a", "--crop-size", ""], 'mc make: --crop-size must be an integer from 32 to 512, got ""'],
    [["make", "a", "--learning-rate", "-1"], "mc make: --learning-rate must be a finite number of at least 0, got -1"],
    [["make", "a", "--anchor", "labeled"], 'mc make: --anchor must be one of teacher, none, got "labeled"'],
    [["make", "a", "--out"], "mc make: option '--out <DIR>' argument missing; see mc make --help"],
    [["make", "a", "--out", "--json"], "mc make: --out expects a value, got the option --json"],
    [["make", "a", "--out", ""], 'mc make: --out must be a non-empty text, got ""'],
    [["train"], "mc train: expected a command (known: flow)"],
    [["train", "flwo"], 'mc train: unknown command "flwo" (known: flow); did you mean "flow"?'],
    [["train", "flow", "--nope"], "mc train flow: unknown option '--nope'; see mc train flow --help"],
    [[], "mc: expected a command; see --help"],
  ])("refuses %j", (argv, message) => {
    expect(refusal(...argv)).toBe(`OptionError: ${message}`);
  });
});

it("writes option names as flags", () => {
  expect(optionFlag("cropSize")).toBe("--crop-size");
  expect(optionFlag("beta1")).toBe("--beta1");
});
