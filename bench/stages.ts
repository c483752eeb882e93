/** @file The stages by name. A new one is a file in cases/ and a line here. */
import { OptionError } from "../src/errors.ts";
import { suggestion } from "../src/options.ts";
import type { BenchCase, Stage } from "./case.ts";
import { bodyCases } from "./cases/body.ts";
import { engineCases } from "./cases/engine.ts";
import { flowCases } from "./cases/flow.ts";
import { pipelineCases } from "./cases/pipeline.ts";
import { regressCases } from "./cases/regress.ts";
import { stepCases } from "./cases/step.ts";
import { visibilityCases } from "./cases/visibility.ts";
import type { Sizes } from "./options.ts";

export const stages: Readonly<Record<string, Stage>> = {
  flow: { doc: "RAFT both ways between neighbouring frames", cases: flowCases },
  regress: { doc: "ResNet-50 and iterative head", cases: regressCases },
  body: { doc: "linear blend skinning of 6890 vertices", cases: bodyCases },
  visibility: { doc: "z-buffer visibility of meshes", cases: visibilityCases },
  step: { doc: "a whole training step", cases: stepCases },
  pipeline: { doc: "from a video file to refined weights", cases: pipelineCases },
  engine: { doc: "cost of a call, and peak rates of the machine", cases: engineCases },
};

/** The cases of some stages (of all, when none is named) with their stage's name. Throws OptionError for unknown ones. */
export function casesOf(
  names: readonly string[],
  sizes: Sizes,
): { readonly stage: string; readonly item: BenchCase }[] {
  const known = Object.keys(stages);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new OptionError("bench", `unknown stage "${unknown}"${suggestion(unknown, known)}`);
  return (names.length > 0 ? names : known).flatMap((stage) =>
    stages[stage]!.cases(sizes).map((item) => ({ stage, item })),
  );
}
