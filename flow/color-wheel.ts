/** @file Flow as colours: the wheel of Baker et al., "A Database and Evaluation Methodology for Optical Flow" (IJCV 2011). */
import { createImage, type Image } from "../src/image/image.ts";
import { type FlowField, flowSize, flowStatistics, isKnownFlow } from "./flow-field.ts";

/** The wheel's six ramps: the steps of each, the channel it moves and whether that rises or falls. */
const RAMPS = [
  { steps: 15, channel: 1, rising: true }, // red to yellow
  { steps: 6, channel: 0, rising: false }, // yellow to green
  { steps: 4, channel: 2, rising: true }, // green to cyan
  { steps: 11, channel: 1, rising: false }, // cyan to blue
  { steps: 13, channel: 0, rising: true }, // blue to magenta
  { steps: 6, channel: 2, rising: false }, // magenta to red
] as const;

/** The 55 colours of the wheel, RGB bytes; ramps are finer where the eye tells more hues apart. */
export function colorWheel(): Uint8Array {
  const wheel: number[] = [];
  const color = [255, 0, 0];
  for (const { steps, channel, rising } of RAMPS) {
    for (let i = 0; i < steps; i++) {
      const ramp = Math.floor((255 * i) / steps);
      color[channel] = rising ? ramp : 255 - ramp;
      wheel.push(...color);
    }
    color[channel] = rising ? 255 : 0;
  }
  return Uint8Array.from(wheel);
}

const WHEEL = colorWheel();
const HUES = WHEEL.length / 3;

/**
 * A picture of a flow field: direction is hue (right is red, down yellow, left cyan, up violet), length is
 * saturation from white (still) to the full colour at `maxRadius` px. Longer vectors are darker, unknown ones black.
 * Without `maxRadius` the longest vector of the field has it; give one where pictures are compared.
 */
export function flowToImage(field: FlowField, maxRadius?: number): Image {
  const { height, width } = flowSize(field);
  const image = createImage(height, width);
  const radius = maxRadius ?? flowStatistics(field).maxLength;
  const scale = radius > 0 ? 1 / radius : 1;
  for (let i = 0; i < height * width; i++) {
    const [dx, dy] = [field.data[2 * i]!, field.data[2 * i + 1]!];
    if (isKnownFlow(dx, dy)) paint(image.data, 3 * i, dx * scale, dy * scale);
  }
  return image;
}

/** Writes the colour of a vector, in units of the wheel's radius, to three bytes. */
function paint(data: Uint8Array, at: number, dx: number, dy: number): void {
  const length = Math.hypot(dx, dy);
  // Angle 0 (right) is hue 0; the angle grows clockwise on the screen, because y points down.
  const turn = (Math.atan2(-dy, -dx) / Math.PI + 1) / 2;
  const hue = turn * (HUES - 1);
  const first = Math.floor(hue);
  const blend = hue - first;
  for (let c = 0; c < 3; c++) {
    const from = WHEEL[first * 3 + c]!;
    const to = WHEEL[((first + 1) % HUES) * 3 + c]!;
    const full = ((1 - blend) * from + blend * to) / 255;
    data[at + c] = Math.floor(255 * (length <= 1 ? 1 - length * (1 - full) : 0.75 * full));
  }
}
