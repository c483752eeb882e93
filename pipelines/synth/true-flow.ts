/** @file Exact flow between two frames of a scene, and which pixels the other frame shows too. */
import { boardShift } from "./boards.ts";
import { FIRST_BOARD, LAYERS, type SurfaceMap } from "./surface-map.ts";
import { toCamera } from "./viewpoint.ts";

/** Flow on one frame's pixels. */
export interface TrueFlow {
  /** [H*W*2] dx, dy in px; known for every pixel, seen in the other frame or not. */
  readonly flow: Float32Array;
  /** [H*W] 1 where the other frame shows the same point: not outside, and nothing stands before it. */
  readonly valid: Uint8Array;
}

/** A point of the same surface may be this much nearer or farther than expected: metres, and share of its depth. */
const SLACK = 0.025;
const SLACK_SHARE = 0.01;

/** Flow from `from` to `to`, two frames of one scene in any order, into `out`. `faces`: the person's. */
export function trueFlow(from: SurfaceMap, to: SurfaceMap, faces: Uint32Array, out: TrueFlow): void {
  const { view, viewpoint, background, elapsed } = from.shot;
  const { width, height, focal, cx, cy } = view;
  const r = viewpoint.rotation;
  const [px, py, pz] = viewpoint.position;
  const boards = background.boards.map((board) => boardShift(board, to.shot.elapsed) - boardShift(board, elapsed));
  for (let y = 0, p = 0; y < height; y++) {
    for (let x = 0; x < width; x++, p++) {
      const layer = from.layer[p]!;
      let [tx, ty, tz] = [0, 0, 0];
      if (layer === LAYERS.person) {
        const f = 3 * from.person.face[p]!;
        const weights = from.person.barycentric!;
        // Barycentric weights hold for points in space: u = sum w_i x_i z_i / sum w_i z_i in the other picture.
        for (let k = 0; k < 3; k++) {
          const v = 3 * faces[f + k]!;
          const depth = to.projected[v + 2]!;
          const share = weights[3 * p + k]! * depth;
          tx += share * to.projected[v]!;
          ty += share * to.projected[v + 1]!;
          tz += share;
        }
        tx /= tz;
        ty /= tz;
      } else {
        const z = from.depth[p]!;
        const a = ((x - cx) / focal) * z;
        const b = ((y - cy) / focal) * z;
        const shift = layer >= FIRST_BOARD ? boards[layer - FIRST_BOARD]! : 0;
        const point = toCamera(
          to.shot.viewpoint,
          px + r[0]! * a + r[3]! * b + r[6]! * z + shift,
          py + r[1]! * a + r[4]! * b + r[7]! * z,
          pz + r[2]! * a + r[5]! * b + r[8]! * z,
        );
        tz = point[2];
        tx = (focal * point[0]) / tz + cx;
        ty = (focal * point[1]) / tz + cy;
      }
      out.flow[2 * p] = tx - x;
      out.flow[2 * p + 1] = ty - y;
      out.valid[p] = tz > 0 && isSeen(to, layer, tx, ty, tz, width, height) ? 1 : 0;
    }
  }
}

/** Whether one of the four pixels about (x, y) shows that layer at that depth. */
function isSeen(
  { layer, depth }: SurfaceMap,
  wanted: number,
  x: number,
  y: number,
  z: number,
  width: number,
  height: number,
): boolean {
  if (!(x >= -0.5 && y >= -0.5 && x < width - 0.5 && y < height - 0.5)) return false;
  const slack = SLACK + SLACK_SHARE * z;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  for (let v = Math.max(0, top); v <= Math.min(height - 1, top + 1); v++) {
    for (let u = Math.max(0, left); u <= Math.min(width - 1, left + 1); u++) {
      const p = v * width + u;
      if (layer[p] !== wanted) continue;
      if (wanted !== LAYERS.person || Math.abs(depth[p]! - z) < slack) return true;
    }
  }
  return false;
}
