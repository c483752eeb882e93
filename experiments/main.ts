/** @file `npm run experiment`. */
import { runProgram } from "../bench/program.ts";
import { experimentCommand } from "./command.ts";

await runProgram(experimentCommand, "MotionCue's experiments");
