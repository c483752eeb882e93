/**
 * @file Predictions as Wavefront OBJ: the exact mesh of each frame (pose blend shapes and that frame's own shape included).
 * Metres, y up, the camera at the origin looking along -z; all frames have the same vertices and triangles.
 */
import { readdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BodyArrays } from "../../smpl/body-arrays.ts";
import { pendingFile } from "../../src/io/write-file.ts";
import type { PersonFrame } from "../bodies/predict.ts";
import { toWorld } from "./body-motion.ts";
import { type PredictionInfo, type PredictionWriter, placement } from "./prediction-writer.ts";

const FRAME_FILE = /^\d{6,}\.obj$/;

/**
 * A writer of one mesh: `path` itself for a picture, and for a video a folder (`track-1.obj` becomes `track-1-obj`) with a
 * file per frame, `000012.obj`; frames of an earlier run are removed from it.
 */
export async function objWriter(path: string, info: PredictionInfo, body: BodyArrays): Promise<PredictionWriter> {
  const faces = faceLines(body.faces);
  const folder = path.replace(/\.obj$/, "-obj");
  const isPicture = info.fps === 0;
  const written: string[] = [];
  const clear = async () => {
    if (isPicture) return;
    const names = await readdir(folder).catch(() => []);
    for (const name of names) if (FRAME_FILE.test(name)) await rm(join(folder, name), { force: true });
  };
  await clear();
  return {
    path: isPicture ? path : folder,
    async write(person) {
      const target = isPicture ? path : join(folder, `${String(person.frame).padStart(6, "0")}.obj`);
      const head = `# ${info.source.replace(/\s+/g, " ")}, frame ${person.frame}, person ${info.track}: metres, y up\n`;
      const pending = await pendingFile(target);
      try {
        await writeFile(pending.temporary, `${head}o person-${info.track}\n${vertexLines(person, info)}${faces}`);
        await pending.commit();
      } catch (error) {
        await pending.discard();
        throw error;
      }
      written.push(target);
    },
    close: async () => {},
    async abort() {
      for (const target of written) await rm(target, { force: true });
      // Goes where it is empty.
      if (!isPicture) await rmdir(folder).catch(() => undefined);
    },
  };
}

function vertexLines(person: PersonFrame, info: PredictionInfo): string {
  const { vertices } = person.prediction;
  const [tx, ty, tz] = placement(person, info);
  const lines: string[] = [];
  for (let v = 0; v < vertices.length; v += 3) {
    const at = toWorld(vertices[v]! + tx, vertices[v + 1]! + ty, vertices[v + 2]! + tz);
    lines.push(`v ${at.map((value) => value.toFixed(5)).join(" ")}\n`);
  }
  return lines.join("");
}

function faceLines(faces: Uint32Array): string {
  const lines: string[] = [];
  for (let f = 0; f < faces.length; f += 3)
    lines.push(`f ${faces[f]! + 1} ${faces[f + 1]! + 1} ${faces[f + 2]! + 1}\n`);
  return lines.join("");
}
