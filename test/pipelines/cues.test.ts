/** @file The registry of cues, as a contract over its entries, and `--cue name=weight`. */
import { describe, expect, it } from "vitest";
import { createCue, cueSpec, cues, parseCueOptions, parseCueWeights } from "../../pipelines/cues.ts";
import { OptionError } from "../../src/errors.ts";

describe.each([...cues.values()])("cue $name", (spec) => {
  it("is described, has a weight, and can be made under every preset", () => {
    expect(spec.doc).toMatch(/^[A-Z].*\.$/);
    expect(spec.weight).toBeGreaterThan(0);
    for (const preset of ["default", "paper"]) {
      const cue = createCue(spec.name, preset);
      expect(cue.name).toBe(spec.name);
      expect(cue.needs).toEqual(spec.needs);
    }
  });

  it("refuses options it does not know", () => {
    expect(() => createCue(spec.name, "default", { nonsense: 1 } as never)).toThrow(/unknown option "nonsense"/);
  });
});

describe("parseCueWeights", () => {
  it("reads names with and without a weight", () => {
    expect([...parseCueWeights(["flow=0.25", "teacher"])]).toEqual([
      ["flow", 0.25],
      ["teacher", cueSpec("teacher").weight],
    ]);
    expect(parseCueWeights([]).size).toBe(0);
  });

  it.each(["flow=", "flow=x", "flow=-1", "flow=1=2", "flwo=1", "=1", "flow=Infinity"])("refuses %s", (text) => {
    expect(() => parseCueWeights([text])).toThrow(OptionError);
  });

  it("refuses a cue given twice", () => {
    expect(() => parseCueWeights(["flow=1", "flow=2"])).toThrow(/"flow" is given twice/);
  });
});

describe("parseCueOptions", () => {
  it("reads values as the tables say, by cue", () => {
    const found = parseCueOptions(["flow.erode=2", "teacher.camera=0.5", "flow.normalise=false", "flow.robust=gmof"]);
    expect(Object.fromEntries(found)).toEqual({
      flow: { erode: 2, normalise: false, robust: "gmof" },
      teacher: { camera: 0.5 },
    });
    expect(createCue("flow", "paper", found.get("flow")).name).toBe("flow");
  });

  it.each([
    ["flow", "expected CUE.OPTION=VALUE"],
    ["flow.erode", "expected CUE.OPTION=VALUE"],
    ["flaw.erode=1", 'did you mean "flow"'],
    ["flow.erod=1", 'did you mean "erode"'],
    ["flow.erode=x", "must be a finite number"],
    ["flow.erode=-1", "of at least 0"],
    ["flow.normalise=yes", "true or false"],
    ["flow.robust=huber", "one of none"],
  ])("refuses %s", (text, problem) => {
    expect(() => parseCueOptions([text])).toThrow(OptionError);
    expect(() => parseCueOptions([text])).toThrow(problem);
  });

  it("refuses an option given twice", () => {
    expect(() => parseCueOptions(["flow.erode=1", "flow.erode=2"])).toThrow('"flow.erode" is given twice');
  });
});
