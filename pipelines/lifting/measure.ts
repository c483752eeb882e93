/** @file Measures a lifter's file on poses of motions held out. */
import { loadBody } from "../../smpl/load-body.ts";
import { startEngine } from "../../src/engine/engine.ts";
import { completeOptions } from "../../src/options.ts";
import { type Context, createContext } from "../run/context.ts";
import { baselineErrors, type LiftBaselines, type LiftErrors, liftAll, liftErrors } from "./evaluate.ts";
import { loadLifter } from "./lifter.ts";
import { LIFT_EVALUATE_OPTIONS, type LiftEvaluateOptions } from "./options.ts";
import { openPoses } from "./train.ts";

/** Errors of a lifter, and of the baselines, with as many people to train on. */
export interface LiftEvaluation extends LiftErrors, LiftBaselines {
  readonly poses: number;
}

/** Measures the lifter in `path`; poses with sides as it knows them. Throws FormatError, OptionError. */
export async function measureLifter(
  path: string,
  given: Partial<LiftEvaluateOptions>,
  context: Context = createContext(),
): Promise<LiftEvaluation> {
  const { engine, precision, body, heldOut, ...choice } = completeOptions(
    "lift evaluate",
    LIFT_EVALUATE_OPTIONS,
    given,
  );
  await startEngine(engine, precision);
  const { lifter } = await loadLifter(path);
  try {
    const { host } = await loadBody(body);
    const poses = { ...choice, people: heldOut, sides: lifter.spec.sides };
    const set = await openPoses(host, poses, "test", context);
    const known = await openPoses(host, poses, "train", context);
    const errors = liftErrors(liftAll(lifter, set), set);
    return { poses: set.metres.length, ...errors, ...baselineErrors(known, set) };
  } finally {
    lifter.dispose();
  }
}
