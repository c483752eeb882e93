/** @file `synth` on files: unlabelled footage with its truth beside it, and labelled stills, of bodies that MotionCue makes. */
import { join } from "node:path";
import { restJoints } from "../../smpl/body-arrays.ts";
import { readBody } from "../../smpl/load-body.ts";
import { proceduralBody } from "../../smpl/procedural-body.ts";
import { OptionError } from "../../src/errors.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../../src/options.ts";
import { type Context, createContext } from "../run/context.ts";
import { BODY_OPTION } from "../shared-options.ts";
import type { Casting } from "./casting.ts";
import { MOTION_KINDS } from "./motion.ts";
import { openMotionLibrary } from "./motion-library.ts";
import { SPLITS } from "./splits.ts";
import { type StillFiles, writeSynthStills } from "./still-files.ts";
import { type SynthVideo, writeSynthVideos } from "./videos.ts";
import { createWorld, SCENE_STYLES, type World } from "./world.ts";

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
  preset: {
    kind: "choice",
    choices: SCENE_STYLES,
    default: "demo",
    doc: "demo: what the shipped networks learned from; world: richer clothes, light, places and cameras, motion blur, compression",
  },
  split: {
    kind: "choice",
    choices: SPLITS,
    doc: "part of a world whose motions, bodies and looks no other part shows; one seed serves all three",
  },
  motions: {
    kind: "text",
    value: "DIR",
    doc: "folder of .bvh recordings of people; of these too, each split has its own",
  },
  recorded: {
    kind: "number",
    default: 0.75,
    min: 0,
    max: 1,
    doc: "share of people who do what --motions recorded; the others' motion is generated",
  },
  motion: {
    kind: "choice",
    choices: MOTION_KINDS,
    doc: "how people move whose motion is generated; unless given, each its own way",
  },
  obstacles: {
    kind: "number",
    default: 0.25,
    min: 0,
    max: 1,
    doc: "chance of something that stands before the person",
  },
  facing: {
    kind: "number",
    default: 180,
    min: 1,
    max: 180,
    doc: "degrees that people may turn from the camera; 180: they may show their backs",
  },
  camera: {
    kind: "choice",
    choices: ["moving", "still"],
    default: "moving",
    doc: "moving: two of three cameras move; still: none does, and the view is as wide as the person's way",
  },
  truth: {
    kind: "choice",
    choices: ["bodies", "flow"],
    default: "bodies",
    doc: "what is written beside each video: flow adds dense flow both ways with occlusions (11 bytes a pixel and frame)",
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
  const { out, videos, frames, fps, size, stills, stillSize, seed } = options;
  if (videos + stills === 0) throw new OptionError("synth", "nothing to make: give --videos or --stills");
  const world = createWorld(options.body === "default" ? proceduralBody() : await readBody(options.body));
  const casting = await castingOf(options, world);
  const flow = options.truth === "flow";
  const made =
    videos > 0
      ? await writeSynthVideos(world, { ...casting, out, videos, frames, fps, size, seed, flow }, context)
      : [];
  if (stills === 0) return { videos: made };
  const pictures = { ...casting, out: join(out, "stills"), count: stills, size: stillSize, seed };
  return { videos: made, stills: await writeSynthStills(world, pictures, context) };
}

async function castingOf(
  { motion, obstacles, preset, split, camera, facing, motions, recorded }: SynthOptions,
  { body }: World,
): Promise<Casting> {
  const library = motions ? await openMotionLibrary(motions, restJoints(body), split) : undefined;
  return {
    obstacles,
    style: preset,
    ...(motion ? { motion } : {}),
    ...(split ? { split } : {}),
    ...(camera === "still" ? { camera } : {}),
    ...(facing < 180 ? { facing: (facing * Math.PI) / 180 } : {}),
    ...(library ? { library, recorded } : {}),
  };
}
