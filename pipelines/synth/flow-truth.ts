/** @file The dense truth of a video as a file that grows frame by frame. */
import { floatsToHalf } from "../../src/io/half.ts";
import { createNpzColumns } from "../../src/io/npz-columns.ts";
import type { Shot } from "./render.ts";
import { createSurfaceMapper, FIRST_BOARD, LAYERS, type SurfaceMap } from "./surface-map.ts";
import { type TrueFlow, trueFlow } from "./true-flow.ts";

/** Truth that is written while a video is drawn. */
export interface FlowTruthWriter {
  /** The next frame; its figure must still be posed as the frame shows it. */
  add(shot: Shot): Promise<void>;
  close(): Promise<void>;
  /** Removes everything; does nothing after `close`. */
  abort(): Promise<void>;
}

/** What a pixel shows, in the file's `layers`. */
export const FLOW_LAYERS = { surroundings: 0, person: 1, occluder: 2 } as const;

/**
 * Begins the file `path` for frames of `width` x `height`. Per pair of neighbours (P = T - 1): `flow` [P,H,W,2] and
 * `backward` [P,H,W,2] as float16, px: from frame p to p + 1 on p's pixels, and from p + 1 to p on those of p + 1; `valid`
 * and `backwardValid` [P,H,W], 1 where the other frame shows the same point; `layers` [P,H,W] of frame p: 1 the person, 2
 * what stands before the person, 0 all else. `lastLayers` [H,W] is the last frame's.
 */
export async function createFlowTruth(path: string, width: number, height: number): Promise<FlowTruthWriter> {
  const grid = [height, width];
  const columns = await createNpzColumns(path, {
    flow: { dtype: "float16", shape: [...grid, 2] },
    backward: { dtype: "float16", shape: [...grid, 2] },
    valid: { dtype: "uint8", shape: grid },
    backwardValid: { dtype: "uint8", shape: grid },
    layers: { dtype: "uint8", shape: grid },
  });
  const mapOf = createSurfaceMapper(width, height);
  const fresh = (): TrueFlow => ({
    flow: new Float32Array(2 * width * height),
    valid: new Uint8Array(width * height),
  });
  const [forward, backward] = [fresh(), fresh()];
  let before: SurfaceMap | undefined;
  return {
    async add(shot) {
      const now = mapOf(shot);
      if (before) {
        trueFlow(before, now, shot.figure.faces, forward);
        trueFlow(now, before, shot.figure.faces, backward);
        await columns.append({
          flow: floatsToHalf(forward.flow),
          backward: floatsToHalf(backward.flow),
          valid: forward.valid,
          backwardValid: backward.valid,
          layers: layersOf(before),
        });
      }
      before = now;
    },
    async close() {
      const data = before ? layersOf(before) : new Uint8Array(width * height);
      await columns.close({ lastLayers: { dtype: "uint8", shape: grid, data } });
    },
    abort: columns.abort,
  };
}

function layersOf({ layer, shot }: SurfaceMap): Uint8Array {
  const { boards, front } = shot.background;
  return layer.map((value) => {
    if (value === LAYERS.person) return FLOW_LAYERS.person;
    const isBefore = value >= FIRST_BOARD && boards[value - FIRST_BOARD]!.z >= front;
    return isBefore ? FLOW_LAYERS.occluder : FLOW_LAYERS.surroundings;
  });
}
