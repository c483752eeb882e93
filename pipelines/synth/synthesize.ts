/** @file `synth` on files: unlabelled footage with its truth beside it, and labelled stills, of bodies that MotionCue makes. */
import { join } from "node:path";
import { readBody } from "../../smpl/load-body.ts";
import { proceduralBody } from "../../smpl/procedural-body.ts";
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { type Context, createContext } from "../run/context.ts";
import { BODY_OPTION } from "../shared-options.ts";
import { MOTION_KINDS } from "./motion.ts";
import { type StillFiles, writeSynthStills } from "./still-files.ts";
import { type SynthVideo, writeSynthVideos } from "./videos.ts";
import { createWorld } from "./world.ts";

export const SYNTH_OPTIONS = {
  out: { kind: "text", value: "DIR", default: "runs/synth", doc: "folder of the videos; stills go to DIR/stills" },
  videos: { kind: "integer", default: 8, min: 0, max: 1_000_000, doc: "videos to make" },
  frames: { kind: "integer", default: 50, min: 1, max: 1_000_000, doc: "frames of each video" },
  fps: { kind: "number", default: 25, min: 1, max: 240, doc: "frames per second" },
  size: {
    kind: "integer",
    default: 240,
    min: 32,
    max: 4096,
    doc: "height of the videos, px; their width is 4/3 of it",
  },
  motion: { kind: "choice", choices: MOTION_KINDS, doc: "how people move; unless given, each video its own way" },
  obstacles: {
    kind: "number",
    default: 0.25,
    min: 0,
    max: 1,
    doc: "chance of something that stands before the person",
  },
  stills: { kind: "integer", default: 0, min: 0, max: 10_000_000, doc: "labelled pictures to make (SPIN's format)" },
  stillSize: { kind: "integer", default: 160, min: 32, max: 4096, doc: "side of the labelled pictures, px" },
  ...BODY_OPTION,
  seed: { kind: "integer", default: 0, min: 0, max: 2 ** 31 - 1, doc: "of people, clothes, motions and scenes" },
} as const satisfies OptionTable;

export type SynthOptions = OptionsOf<typeof SYNTH_OPTIONS>;

/** The files that were written. */
export interface SynthResult {
  readonly videos: readonly SynthVideo[];
  readonly stills?: StillFiles;
}

/** Writes synthetic videos and stills. Files that are whole already are kept. Throws OptionError and FormatError. */
export async function synthesize(
  given: Partial<SynthOptions> = {},
  context: Context = createContext(),
): Promise<SynthResult> {
  const options = completeOptions("synth", SYNTH_OPTIONS, given);
  const { out, videos, frames, fps, size, motion, obstacles, stills, stillSize, seed } = options;
  if (videos + stills === 0) throw new OptionError("synth", "nothing to make: give --videos or --stills");
  const world = createWorld(options.body === "default" ? proceduralBody() : await readBody(options.body));
  const choice = { obstacles, ...(motion ? { motion } : {}) };
  const made =
    videos > 0 ? await writeSynthVideos(world, { ...choice, out, videos, frames, fps, size, seed }, context) : [];
  if (stills === 0) return { videos: made };
  const pictures = { ...choice, out: join(out, "stills"), count: stills, size: stillSize, seed };
  return { videos: made, stills: await writeSynthStills(world, pictures, context) };
}
