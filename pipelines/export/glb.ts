/**
 * @file Predictions as glTF (.glb): a skinned mesh with named joints, animated, for Blender, three.js and game engines.
 * Metres, y up, the camera at the origin looking along -z with the focal length that `trans` assumes. The shape is the
 * mean over the track; pose blend shapes (how flesh gives way at bent joints) and all but each vertex's four greatest
 * skin weights are left out, since the format has no room for them.
 */
import { type BodyArrays, restJoints, shapedVertices } from "../../smpl/body-arrays.ts";
import { JOINT_NAMES } from "../../smpl/joints.ts";
import { vertexNormals } from "../../src/geometry/vertex-normals.ts";
import { type Figure, formatGlb } from "../../src/io/gltf.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { PERSON_COLOURS } from "../bodies/mesh-overlay.ts";
import type { PersonFrame } from "../bodies/predict.ts";
import { type BodyMotion, createMotionRecorder, type MotionRecorder } from "./body-motion.ts";
import { assumedFocal, type PredictionInfo, type PredictionWriter } from "./prediction-writer.ts";

/** Several people of one video in one file. */
export interface PeopleScene {
  readonly path: string;
  add(person: PersonFrame & { readonly track: number }): void;
  /** Writes the file; nothing was on the disk before. */
  close(): Promise<void>;
}

/** A writer of `path`.glb with one person; times are the video's. */
export async function glbWriter(path: string, info: PredictionInfo, body: BodyArrays): Promise<PredictionWriter> {
  const recorder = createMotionRecorder(info);
  return {
    path,
    write: async (person) => recorder.add(person),
    close: () => writeScene(path, info, [figureOf(recorder.motion(), body)]),
    abort: async () => {},
  };
}

/** Gathers all people of a video for one .glb file, in which each is there only from its first frame to its last. */
export function createPeopleScene(path: string, info: Omit<PredictionInfo, "track">, body: BodyArrays): PeopleScene {
  const recorders = new Map<number, MotionRecorder>();
  return {
    path,
    add(person) {
      const known = recorders.get(person.track) ?? createMotionRecorder({ ...info, track: person.track });
      recorders.set(person.track, known);
      known.add(person);
    },
    close: () => {
      const figures = [...recorders.values()].map((recorder) => {
        const motion = recorder.motion();
        const span = [motion.times[0]!, motion.times.at(-1)! + (info.fps > 0 ? 1 / info.fps : 1)] as const;
        return { ...figureOf(motion, body), span };
      });
      return writeScene(path, info, figures);
    },
  };
}

/** The figure of a motion: the mean shape at rest, bound to the joints. */
export function figureOf(motion: BodyMotion, body: BodyArrays): Figure {
  const positions = shapedVertices(body, motion.betas);
  const rest = restJoints(body, motion.betas);
  const colour = PERSON_COLOURS[(motion.track - 1 + PERSON_COLOURS.length) % PERSON_COLOURS.length]!;
  return {
    name: `track-${motion.track}`,
    positions,
    normals: vertexNormals(positions, body.faces),
    triangles: body.faces,
    joints: Array.from(body.parents, (parent, j) => ({
      name: JOINT_NAMES[j] ?? `joint${j}`,
      parent,
      position: [rest[3 * j]!, rest[3 * j + 1]!, rest[3 * j + 2]!],
    })),
    weights: body.lbsWeights,
    colour: colour.map(linear) as [number, number, number],
    times: motion.times,
    rotations: motion.rotations,
    roots: motion.roots,
  };
}

async function writeScene(
  path: string,
  info: Omit<PredictionInfo, "track">,
  figures: readonly Figure[],
): Promise<void> {
  const { width, height, fps, source } = info;
  const focal = assumedFocal(width, height);
  const camera = { verticalField: 2 * Math.atan(height / (2 * focal)), aspect: width / height };
  const remark = "mean shape of the track; without pose blend shapes; four skin weights per vertex";
  await writeFileAtomic(path, formatGlb({ figures, camera, extras: { source, fps, focal, remark } }));
}

/** A display's 0..255 as light, 0..1 (sRGB, IEC 61966-2-1). */
function linear(value: number): number {
  const share = value / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
}
