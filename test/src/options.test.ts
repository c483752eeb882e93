import { describe, expect, expectTypeOf, it } from "vitest";
import { completeOptions, defaultsOf, type OptionsOf, type OptionTable, suggestion } from "../../src/options.ts";

const TABLE = {
  steps: { kind: "integer", default: 5, min: 1, max: 10, doc: "steps" },
  rate: { kind: "number", default: 0.5, min: 0, doc: "rate" },
  limit: { kind: "number", max: 2, doc: "limit" },
  resume: { kind: "flag", doc: "resume" },
  anchor: { kind: "choice", choices: ["teacher", "none"], default: "teacher", doc: "anchor" },
  out: { kind: "text", value: "DIR", doc: "out" },
  cue: { kind: "list", value: "NAME", default: ["flow"], doc: "cues" },
} as const satisfies OptionTable;

describe("completeOptions", () => {
  it("overlays what is given on the defaults", () => {
    expect(completeOptions("x", TABLE, { steps: 10, cue: ["a", "b"], limit: -3 })).toEqual({
      steps: 10,
      rate: 0.5,
      limit: -3,
      resume: false,
      anchor: "teacher",
      out: undefined,
      cue: ["a", "b"],
    });
  });

  it("keeps the default where undefined is given, and freezes the result", () => {
    const options = completeOptions("x", TABLE, { steps: undefined as unknown as number });
    expect(options).toEqual(defaultsOf(TABLE));
    expect(Object.isFrozen(options)).toBe(true);
  });

  it("types options with a default as present", () => {
    expectTypeOf<OptionsOf<typeof TABLE>["steps"]>().toEqualTypeOf<number>();
    expectTypeOf<OptionsOf<typeof TABLE>["resume"]>().toEqualTypeOf<boolean>();
    expectTypeOf<OptionsOf<typeof TABLE>["limit"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<OptionsOf<typeof TABLE>["anchor"]>().toEqualTypeOf<"teacher" | "none">();
  });

  it.each([
    [{ steps: 0 }, "x: option steps must be an integer from 1 to 10, got 0"],
    [{ steps: 11 }, "x: option steps must be an integer from 1 to 10, got 11"],
    [{ steps: 1.5 }, "x: option steps must be an integer from 1 to 10, got 1.5"],
    [{ steps: "5" }, 'x: option steps must be an integer from 1 to 10, got "5"'],
    [{ rate: -0.1 }, "x: option rate must be a finite number of at least 0, got -0.1"],
    [{ rate: Number.NaN }, "x: option rate must be a finite number of at least 0, got null"],
    [{ limit: 3 }, "x: option limit must be a finite number of at most 2, got 3"],
    [{ limit: Number.POSITIVE_INFINITY }, "x: option limit must be a finite number of at most 2, got null"],
    [{ resume: 1 }, "x: option resume must be true or false, got 1"],
    [{ anchor: "labeled" }, 'x: option anchor must be one of teacher, none, got "labeled"'],
    [{ out: "" }, 'x: option out must be a non-empty text, got ""'],
    [{ cue: "flow" }, 'x: option cue must be a list of texts, got "flow"'],
    [{ cue: [1] }, "x: option cue must be a list of texts, got [1]"],
  ])("refuses %j", (given, message) => {
    expect(() => completeOptions("x", TABLE, given as never)).toThrow(message);
  });

  it("refuses unknown names and says what was probably meant", () => {
    const message =
      'x: unknown option "step" (known: steps, rate, limit, resume, anchor, out, cue); did you mean "steps"?';
    expect(() => completeOptions("x", TABLE, { step: 3 } as never)).toThrow(message);
  });
});

describe("suggestion", () => {
  it("names the nearest word, and none that is far", () => {
    expect(suggestion("Infre", ["refine", "infer"])).toBe(' (known: refine, infer); did you mean "infer"?');
    expect(suggestion("xylophone", ["refine", "infer"])).toBe(" (known: refine, infer)");
  });
});
