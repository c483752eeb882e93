/** @file Who plays in a job's scenes: style, split, and where motions come from. */
import { createHash } from "node:crypto";
import { bytesOf } from "../../src/io/host-tensor.ts";
import type { MotionLibrary } from "./motion-library.ts";
import { GENERATOR_VERSION, type SceneChoice, sceneRandom, type World } from "./world.ts";

/** What scenes of a job are chosen from. */
export interface Casting extends Pick<SceneChoice, "motion" | "obstacles" | "style" | "split" | "camera" | "facing"> {
  /** Recorded motions, and the share of scenes that show one. */
  readonly library?: MotionLibrary;
  readonly recorded?: number;
}

/** What scene `index` of `seed` is made with; it lasts `seconds`. Reads a recording where one is drawn. */
export async function sceneChoice(
  { library, recorded = 1, ...choice }: Casting,
  seed: number,
  index: number,
  seconds: number,
): Promise<SceneChoice> {
  const { motion, obstacles, style, split, camera, facing } = choice;
  const plain: SceneChoice = {
    seconds,
    ...(motion ? { motion } : {}),
    ...(obstacles === undefined ? {} : { obstacles }),
    ...(style ? { style } : {}),
    ...(split ? { split } : {}),
    ...(camera ? { camera } : {}),
    ...(facing === undefined ? {} : { facing }),
  };
  if (!library) return plain;
  const random = sceneRandom(seed, index, split, "recording");
  return random.next() < recorded ? { ...plain, recording: await library.draw(random) } : plain;
}

/** All that decides what pictures a casting and a body give, to be compared with that of an earlier job. */
export function castingKey(
  world: World,
  { motion, obstacles = 0.25, style = "demo", split, camera, facing, library, recorded = 1 }: Casting,
): Readonly<Record<string, unknown>> {
  const digest = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  return {
    generator: GENERATOR_VERSION,
    body: digest(bytesOf(world.body.vTemplate)),
    preset: style,
    split: split ?? null,
    // Named only where it is asked for, so that folders from before it go on.
    ...(camera ? { camera } : {}),
    ...(facing === undefined ? {} : { facing }),
    motion: motion ?? null,
    obstacles,
    motions: library ? { recorded, files: library.names.length, names: digest(library.names.join("\n")) } : null,
  };
}
