/** @file What every pixel of a frame shows and how far away it is: what dense flow and its occlusions follow from. */
import { createRaster, type Raster, rasterizeMesh } from "../../src/geometry/rasterize.ts";
import { castRay, createRayEnd } from "./background.ts";
import { boardPixels, boardShift, insideBoard } from "./boards.ts";
import type { Shot } from "./render.ts";
import { projectInto } from "./viewpoint.ts";

/** Numbers of the layers that every scene has; board k of the background is FIRST_BOARD + k. */
export const LAYERS = { sky: 0, wall: 1, floor: 2, person: 3 } as const;
export const FIRST_BOARD = 4;

/** A frame as surfaces. Filled anew by each `fill`. */
export interface SurfaceMap {
  /** [H*W] which layer each pixel's centre shows. */
  readonly layer: Uint8Array;
  /** [H*W] along the camera's axis, metres. */
  readonly depth: Float32Array;
  /** Faces and barycentric weights where the layer is the person. */
  readonly person: Raster;
  /** [V*3] the person's vertices as px, py and depth. */
  readonly projected: Float32Array;
  /** The shot that was looked at. */
  readonly shot: Omit<Shot, "figure">;
}

/** Makes maps of `width` x `height` px; two of them take turns. */
export function createSurfaceMapper(width: number, height: number): (shot: Shot) => SurfaceMap {
  const buffers = [createBuffers(width, height), createBuffers(width, height)];
  let turn = 0;
  return (shot) => {
    const own = buffers[turn]!;
    turn = 1 - turn;
    if (own.projected.length !== shot.figure.vertices.length)
      own.projected = new Float32Array(shot.figure.vertices.length);
    fillSurroundings(shot, own);
    fillBoards(shot, own, false);
    projectInto(shot.figure.vertices, shot.view, own.projected);
    const options = { barycentric: true, perspective: true, into: own.person };
    rasterizeMesh(own.projected, shot.figure.faces, width, height, options);
    for (let p = 0; p < own.layer.length; p++) {
      if (own.person.face[p]! < 0) continue;
      own.layer[p] = LAYERS.person;
      own.depth[p] = own.person.depth[p]!;
    }
    fillBoards(shot, own, true);
    return { ...own, shot };
  };
}

interface Buffers {
  readonly layer: Uint8Array;
  readonly depth: Float32Array;
  readonly person: Raster;
  projected: Float32Array;
}

function createBuffers(width: number, height: number): Buffers {
  const person = createRaster(width, height, true);
  const count = width * height;
  return { layer: new Uint8Array(count), depth: new Float32Array(count), person, projected: new Float32Array(0) };
}

const ray = createRayEnd();

function fillSurroundings({ background, viewpoint, view }: Shot, { layer, depth }: Buffers): void {
  for (let y = 0, p = 0; y < view.height; y++) {
    for (let x = 0; x < view.width; x++, p++) {
      castRay(background, viewpoint, (x - view.cx) / view.focal, (y - view.cy) / view.focal, ray);
      layer[p] = LAYERS[ray.surface];
      depth[p] = ray.depth;
    }
  }
}

function fillBoards({ background, viewpoint, view, elapsed }: Shot, { layer, depth }: Buffers, before: boolean): void {
  const r = viewpoint.rotation;
  const [px, py, pz] = viewpoint.position;
  background.boards.forEach((board, k) => {
    if (board.z >= background.front !== before) return;
    const shift = boardShift(board, elapsed);
    const [x0, y0, x1, y1] = boardPixels(board, elapsed, viewpoint, view);
    for (let y = y0; y < y1; y++) {
      const b = (y - view.cy) / view.focal;
      for (let x = x0; x < x1; x++) {
        const a = (x - view.cx) / view.focal;
        const reach = (board.z - pz) / (r[2]! * a + r[5]! * b + r[8]!);
        if (!(reach > 0)) continue;
        const u = px + reach * (r[0]! * a + r[3]! * b + r[6]!) - shift;
        const v = py + reach * (r[1]! * a + r[4]! * b + r[7]!);
        if (insideBoard(board, u, v) < 0) continue;
        layer[y * view.width + x] = FIRST_BOARD + k;
        depth[y * view.width + x] = reach;
      }
    }
  });
}
