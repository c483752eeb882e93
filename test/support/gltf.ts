/** @file Looking into .glb files: their JSON, what three.js makes of them, what Khronos's validator says. */
import { createRequire } from "node:module";
import { AnimationMixer, LoopOnce, type SkinnedMesh, Vector3 } from "three";
import { type GLTF, GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";

/** The validator is a CommonJS package. */
const require = createRequire(import.meta.url);

/** The JSON chunk of a .glb file. */
export function glbJson(bytes: Uint8Array): Record<string, never> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + view.getUint32(12, true))));
}

/** The scene that three.js's loader makes of a .glb file. */
export function loadGlb(bytes: Uint8Array): Promise<GLTF> {
  return new GLTFLoader().parseAsync(bytes.slice().buffer, "");
}

/** The skinned vertices [V*3] in the world of the mesh called `name` (as three.js spells it), `seconds` into the animation. */
export function animatedVertices({ scene, animations }: GLTF, name: string, seconds: number): Float32Array {
  const mixer = new AnimationMixer(scene);
  for (const clip of animations) {
    const action = mixer.clipAction(clip).setLoop(LoopOnce, 1);
    // Otherwise the last moment is the first of the next round.
    action.clampWhenFinished = true;
    action.play();
  }
  mixer.setTime(seconds);
  scene.updateMatrixWorld(true);
  const mesh = scene.getObjectByName(name) as SkinnedMesh;
  mesh.skeleton.update();
  const point = new Vector3();
  const count = mesh.geometry.getAttribute("position").count;
  const out = new Float32Array(3 * count);
  for (let v = 0; v < count; v++)
    mesh
      .getVertexPosition(v, point)
      .applyMatrix4(mesh.matrixWorld)
      .toArray(out, 3 * v);
  return out;
}

/** Errors and warnings of Khronos's validator, as texts. */
export async function glbComplaints(bytes: Uint8Array): Promise<string[]> {
  const validator = require("gltf-validator") as {
    validateBytes(
      bytes: Uint8Array,
    ): Promise<{ issues: { messages: { severity: number; code: string; message: string }[] } }>;
  };
  const { issues } = await validator.validateBytes(bytes);
  return issues.messages.filter(({ severity }) => severity <= 1).map(({ code, message }) => `${code}: ${message}`);
}
