/** @file `npm run bench`. */
import { benchCommand } from "./command.ts";
import { runProgram } from "./program.ts";

await runProgram(benchCommand);
