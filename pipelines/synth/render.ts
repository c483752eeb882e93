/** @file One picture of a scene: surroundings, shaded person, what stands before, then what lens and sensor do to it. */
import type { Image } from "../../src/image/image.ts";
import type { Surface } from "./appearance.ts";
import { type Background, paintBackground, type Shadow } from "./background.ts";
import { paintBoard } from "./boards.ts";
import { createShadowCaster } from "./cast-shadow.ts";
import type { Figure } from "./figure.ts";
import { blurRows, develop } from "./lens.ts";
import { type Exposure, type Lighting, lightingFrom } from "./light.ts";
import { createPersonPainter, type Sitter } from "./person.ts";
import { createSmear } from "./smear.ts";
import type { View, Viewpoint } from "./viewpoint.ts";

/** What a picture shows. The figure is posed in camera space. */
export interface Shot {
  readonly figure: Figure;
  readonly surface: Surface;
  readonly background: Background;
  readonly exposure: Exposure;
  readonly viewpoint: Viewpoint;
  readonly view: View;
  readonly shadow: Shadow;
  /** Seconds since the scene began: what moves on its own has gone so far. */
  readonly elapsed: number;
  /** Decides the sensor's noise; another one for each frame. */
  readonly noiseSeed: number;
  /** Seconds that the shutter is open, and the figure posed at seconds from the shot's time. */
  readonly shutter?: { readonly seconds: number; pose(offset: number): Pick<Shot, "viewpoint"> & Joints };
}

interface Joints {
  /** [J*3] camera space. */
  readonly joints: Float32Array;
}

/** Draws shots of one size; its buffers are reused from picture to picture. The figure is left in any pose. */
export type Renderer = (shot: Shot) => Image;

/** Samples per pixel and axis on the person: edges are smooth and fine cloth does not flicker. */
const FINE = 2;
/** Pixels that a limb may move between two samples in time, and the most samples. */
const STEP = 1.5;
const MOST_TIMES = 8;

/** A renderer of `width` x `height` pictures. */
export function createRenderer(width: number, height: number): Renderer {
  const painter = createPersonPainter(width, height, FINE);
  const colours = new Float32Array(3 * width * height);
  const row = new Float32Array(3 * Math.max(width, height));
  const rich = lazily(() => createRichParts(width, height));
  return (shot) => {
    const { exposure, viewpoint, view, background, elapsed } = shot;
    const lighting = lightingFrom(exposure, viewpoint);
    if (exposure.rich) rich().paint(shot, lighting, colours, painter.over);
    else {
      paintBackground(background, viewpoint, view, shot.shadow, colours);
      painter.over({ ...shot, lighting }, colours);
    }
    for (const board of background.boards) {
      if (board.z >= background.front)
        paintBoard(board, elapsed, viewpoint, view, colours, lighting.surroundings?.wall);
    }
    blurRows(colours, width, height, exposure.blur, row);
    return develop(colours, width, height, exposure, shot.noiseSeed, elapsed);
  };
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** What only the rich world needs: a cast shadow, and time that passes while the shutter is open. */
function createRichParts(width: number, height: number) {
  const painter = createPersonPainter(width, height, 1);
  const caster = createShadowCaster(width, height);
  const smear = createSmear(width, height);
  const layer = new Float32Array(3 * width * height);
  const alpha = new Float32Array(width * height);
  const depth = new Float32Array(width * height);

  function paintSurroundings(shot: Shot, lighting: Lighting, out: Float32Array): void {
    const { background, exposure, viewpoint, view, figure, elapsed } = shot;
    const shadow = caster.cast(figure.vertices, figure.faces, exposure.toLight, viewpoint, view);
    paintBackground(background, viewpoint, view, shot.shadow, out, { ...lighting, shadow, depth });
    for (const board of background.boards) {
      if (board.z < background.front)
        paintBoard(board, elapsed, viewpoint, view, out, lighting.surroundings?.wall, depth);
    }
  }

  function paintThroughTime(shot: Shot, lighting: Lighting, out: Float32Array, times: number, seconds: number): void {
    layer.fill(0);
    alpha.fill(0);
    for (let k = 0; k < times; k++) {
      shot.shutter!.pose(((k + 0.5) / times - 0.5) * seconds);
      // The samples in time are spread over the pixel as well.
      const [dx, dy] = SPREAD[k % SPREAD.length]!;
      const view = { ...shot.view, cx: shot.view.cx + dx, cy: shot.view.cy + dy };
      const sitter: Sitter = { ...shot, lighting, view };
      painter.add(sitter, 1 / times, layer, alpha);
    }
    for (let p = 0; p < alpha.length; p++) {
      if (alpha[p]! === 0) continue;
      for (let o = 3 * p; o < 3 * p + 3; o++) out[o] = out[o]! * Math.max(0, 1 - alpha[p]!) + layer[o]!;
    }
  }

  return {
    paint(shot: Shot, lighting: Lighting, out: Float32Array, over: (sitter: Sitter, out: Float32Array) => void): void {
      paintSurroundings(shot, lighting, out);
      const { shutter } = shot;
      if (shutter) {
        const [first, last] = [shutter.pose(-shutter.seconds / 2), shutter.pose(shutter.seconds / 2)];
        smear(out, depth, shot.view, shot.viewpoint, first.viewpoint, last.viewpoint);
        const way = longestWay(first.joints, last.joints, shot.view);
        const times = Math.min(MOST_TIMES, Math.max(SPREAD.length, 2 * Math.ceil(way / STEP / 2)));
        if (way >= 1) {
          paintThroughTime(shot, lighting, out, times, shutter.seconds);
          return;
        }
        shutter.pose(0);
      }
      over({ ...shot, lighting }, out);
    },
  };
}

/** Where in a pixel the samples in time lie, in an order in which neighbours differ. */
const SPREAD = [
  [-0.25, -0.25],
  [0.25, 0.25],
  [-0.25, 0.25],
  [0.25, -0.25],
] as const;

/** Pixels that the joint moves that moves most. */
function longestWay(from: Float32Array, to: Float32Array, { focal }: View): number {
  let most = 0;
  for (let i = 0; i < from.length; i += 3) {
    const dx = to[i]! / to[i + 2]! - from[i]! / from[i + 2]!;
    const dy = to[i + 1]! / to[i + 2]! - from[i + 1]! / from[i + 2]!;
    most = Math.max(most, focal * Math.hypot(dx, dy));
  }
  return most;
}
