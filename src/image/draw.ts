/** @file Drawing into pictures, for debug videos and reports: lines, circles, labels, blending, tiling. */
import { MotionCueError, ShapeError } from "../errors.ts";
import { GLYPH_HEIGHT, GLYPH_WIDTH, hasInk } from "./font.ts";
import { createImage, type Image, sizeOf } from "./image.ts";

/** Red, green and blue, each 0..255. */
export type Color = readonly [number, number, number];

export interface StrokeOptions {
  /** Width of the stroke in pixels. */
  readonly thickness?: number;
  /** 0 invisible, 1 opaque. */
  readonly opacity?: number;
}

export interface TextOptions {
  /** Pixels for each pixel of the 5 x 7 font. */
  readonly scale?: number;
  readonly color?: Color;
  /** The plate behind the text; none by default. */
  readonly background?: Color;
  readonly backgroundOpacity?: number;
}

/** A new picture `(1 - opacity) * below + opacity * above`; `opacity` is one number in 0..1 or one per pixel `[H*W]`. */
export function blend(below: Image, above: Image, opacity: number | ArrayLike<number>): Image {
  const { height, width } = sizeOf(below);
  const other = sizeOf(above);
  if (other.height !== height || other.width !== width)
    throw new ShapeError("blend", `[${height}, ${width}, 3]`, above.shape);
  if (typeof opacity !== "number" && opacity.length !== height * width)
    throw new ShapeError("opacity of blend", `[${height * width}]`, [opacity.length]);
  const result = createImage(height, width);
  for (let pixel = 0, i = 0; pixel < height * width; pixel++) {
    const share = typeof opacity === "number" ? opacity : opacity[pixel]!;
    for (const end = i + 3; i < end; i++)
      result.data[i] = clampByte(below.data[i]! + share * (above.data[i]! - below.data[i]!));
  }
  return result;
}

/**
 * Draws, into `image`, a straight stroke with round ends from (x0, y0) to (x1, y1), which may lie outside; its edge is
 * smooth. Coordinates are pixel centres, x right and y down.
 */
export function drawLine(
  image: Image,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  color: Color,
  { thickness = 1, opacity = 1 }: StrokeOptions = {},
): void {
  const reach = thickness / 2;
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squared = dx * dx + dy * dy;
  const bounds = [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)] as const;
  paint(image, bounds, reach, color, opacity, (x, y) => {
    const along = squared === 0 ? 0 : Math.min(Math.max(((x - x0) * dx + (y - y0) * dy) / squared, 0), 1);
    return reach - Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
  });
}

/** Draws, into `image`, an arrow from (x0, y0) to (x1, y1) whose head is a third of its length, at most 8 px. */
export function drawArrow(
  image: Image,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  color: Color,
  options: StrokeOptions = {},
): void {
  drawLine(image, x0, y0, x1, y1, color, options);
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < 1) return;
  const head = Math.min(length / 3, 8) / length;
  const [dx, dy] = [(x1 - x0) * head, (y1 - y0) * head];
  for (const side of [-0.5, 0.5]) drawLine(image, x1, y1, x1 - dx - side * dy, y1 - dy + side * dx, color, options);
}

/** Draws, into `image`, a disc about (x, y), or with `thickness` a ring whose middle line has the radius. */
export function drawCircle(
  image: Image,
  x: number,
  y: number,
  radius: number,
  color: Color,
  { thickness, opacity = 1 }: StrokeOptions = {},
): void {
  const reach = thickness === undefined ? radius : radius + thickness / 2;
  paint(image, [x, y, x, y], reach, color, opacity, (px, py) => {
    const distance = Math.hypot(px - x, py - y);
    return thickness === undefined ? radius - distance : thickness / 2 - Math.abs(distance - radius);
  });
}

/** Draws, into `image`, the outline of a box given by its outer edges (see Box). */
export function drawBox(
  image: Image,
  { x0, y0, x1, y1 }: { readonly x0: number; readonly y0: number; readonly x1: number; readonly y1: number },
  color: Color,
  options: StrokeOptions = {},
): void {
  const corners = [x0, y0, x1, y0, x1, y1, x0, y1, x0, y0];
  for (let i = 0; i < 8; i += 2)
    drawLine(image, corners[i]!, corners[i + 1]!, corners[i + 2]!, corners[i + 3]!, color, options);
}

/** `{width, height}` in pixels of a text drawn at `scale`; lines are parted by `\n`. */
export function textSize(text: string, scale = 1): { readonly width: number; readonly height: number } {
  const lines = text.split("\n");
  const longest = Math.max(...lines.map((line) => [...line].length));
  return {
    width: Math.max(longest * (GLYPH_WIDTH + 1) - 1, 0) * scale,
    height: (lines.length * (GLYPH_HEIGHT + 2) - 2) * scale,
  };
}

/** Draws, into `image`, text whose top-left pixel is (x, y); what would lie outside is left out. */
export function drawText(image: Image, text: string, x: number, y: number, options: TextOptions = {}): void {
  const { scale = 1, color = [255, 255, 255], background, backgroundOpacity = 1 } = options;
  const left = Math.round(x);
  const top = Math.round(y);
  if (background) {
    const { width, height } = textSize(text, scale);
    fillRectangle(
      image,
      left - scale,
      top - scale,
      width + 2 * scale,
      height + 2 * scale,
      background,
      backgroundOpacity,
    );
  }
  text.split("\n").forEach((line, row) => {
    [...line].forEach((character, column) => {
      drawGlyph(
        image,
        character,
        left + column * (GLYPH_WIDTH + 1) * scale,
        top + row * (GLYPH_HEIGHT + 2) * scale,
        scale,
        color,
      );
    });
  });
}

/** Fills, in `image`, the pixels from (left, top) on, `width x height`, as far as they exist. */
export function fillRectangle(
  image: Image,
  left: number,
  top: number,
  width: number,
  height: number,
  color: Color,
  opacity = 1,
): void {
  const size = sizeOf(image);
  for (let y = Math.max(top, 0); y < Math.min(top + height, size.height); y++) {
    for (let x = Math.max(left, 0); x < Math.min(left + width, size.width); x++)
      mix(image.data, (y * size.width + x) * 3, color, opacity);
  }
}

/** Pictures side by side from left to right, tops aligned; `gap` black pixels between, black below shorter ones. */
export function hstack(images: readonly Image[], gap = 0): Image {
  const sizes = measured(images, "hstack");
  const height = Math.max(...sizes.map((size) => size.height));
  const width = sizes.reduce((sum, size) => sum + size.width, gap * (sizes.length - 1));
  const result = createImage(height, width);
  let left = 0;
  images.forEach((image, i) => {
    place(result, image, 0, left);
    left += sizes[i]!.width + gap;
  });
  return result;
}

/** Pictures below each other from top to bottom, left sides aligned; `gap` black pixels between. */
export function vstack(images: readonly Image[], gap = 0): Image {
  const sizes = measured(images, "vstack");
  const width = Math.max(...sizes.map((size) => size.width));
  const height = sizes.reduce((sum, size) => sum + size.height, gap * (sizes.length - 1));
  const result = createImage(height, width);
  let top = 0;
  images.forEach((image, i) => {
    place(result, image, top, 0);
    top += sizes[i]!.height + gap;
  });
  return result;
}

function measured(images: readonly Image[], where: string) {
  if (images.length === 0) throw new MotionCueError(where, "expected at least one image, got none");
  return images.map(sizeOf);
}

function place(target: Image, image: Image, top: number, left: number): void {
  const { height, width } = sizeOf(image);
  const stride = target.shape[1]! * 3;
  for (let y = 0; y < height; y++)
    target.data.set(image.data.subarray(y * width * 3, (y + 1) * width * 3), (top + y) * stride + left * 3);
}

/**
 * Mixes `color` into the pixels within `reach` of the box `bounds` [x0, y0, x1, y1]: `depth` is how many pixels deep a
 * pixel's centre lies inside the shape, and half a pixel either way of its edge is the smooth rim.
 */
function paint(
  image: Image,
  bounds: readonly [number, number, number, number],
  reach: number,
  color: Color,
  opacity: number,
  depth: (x: number, y: number) => number,
): void {
  const { height, width } = sizeOf(image);
  const left = Math.max(Math.floor(bounds[0] - reach - 1), 0);
  const top = Math.max(Math.floor(bounds[1] - reach - 1), 0);
  const right = Math.min(Math.ceil(bounds[2] + reach + 1), width - 1);
  const bottom = Math.min(Math.ceil(bounds[3] + reach + 1), height - 1);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const cover = Math.min(depth(x, y) + 0.5, 1);
      if (cover > 0) mix(image.data, (y * width + x) * 3, color, cover * opacity);
    }
  }
}

function drawGlyph(image: Image, character: string, left: number, top: number, scale: number, color: Color): void {
  for (let y = 0; y < GLYPH_HEIGHT; y++) {
    for (let x = 0; x < GLYPH_WIDTH; x++)
      if (hasInk(character, y, x)) fillRectangle(image, left + x * scale, top + y * scale, scale, scale, color);
  }
}

function mix(data: Uint8Array, at: number, color: Color, share: number): void {
  for (let c = 0; c < 3; c++) data[at + c] = clampByte(data[at + c]! + share * (color[c]! - data[at + c]!));
}

function clampByte(value: number): number {
  return Math.min(Math.max(Math.round(value), 0), 255);
}
