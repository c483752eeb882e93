#!/usr/bin/env node
/** @file The `motioncue` program: registers the TypeScript loader and runs the command line. */
import { register } from "tsx/esm/api";

register();
const { main } = await import("../pipelines/main.ts");
process.exitCode = await main(process.argv.slice(2));
