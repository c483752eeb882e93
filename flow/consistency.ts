/** @file The forward-backward check: flow that does not return to where it came from is not to be trusted. */
import { ShapeError } from "../src/errors.ts";
import { type Field, sampleBilinear } from "../src/geometry/sample.ts";
import { type FlowField, flowSize } from "./flow-field.ts";

/** Allowed share of the squared flow lengths, and allowed squared error in px^2 (Sundaram 2010, UnFlow 2018). */
const RELATIVE = 0.01;
const ABSOLUTE = 0.5;

/**
 * 1 where flow and return flow agree, |F12(x) + F21(x + F12(x))|^2 < 0.01 (|F12|^2 + |F21|^2) + 0.5 (px^2), else 0, for
 * points [N*2] with flow `there` [N*2], both in pixels of the map `back` (F21).
 */
export function consistentAt(points: ArrayLike<number>, there: ArrayLike<number>, back: Field): Uint8Array {
  const targets = Float32Array.from(there, (dx, i) => points[i]! + dx);
  const { values } = sampleBilinear(back, targets);
  return Uint8Array.from({ length: targets.length / 2 }, (_, n) => {
    const [ax, ay, bx, by] = [there[2 * n]!, there[2 * n + 1]!, values[2 * n]!, values[2 * n + 1]!];
    const error = (ax + bx) ** 2 + (ay + by) ** 2;
    return error < RELATIVE * (ax * ax + ay * ay + bx * bx + by * by) + ABSOLUTE ? 1 : 0;
  });
}

/**
 * consistentAt for every pixel [H*W] of `forward` against `backward`. Throws ShapeError for fields of different sizes.
 */
export function forwardBackwardCheck(forward: FlowField, backward: FlowField): Uint8Array {
  const { height, width } = flowSize(forward);
  const back = flowSize(backward);
  if (back.height !== height || back.width !== width)
    throw new ShapeError("forwardBackwardCheck", `[${height},${width},2] twice`, backward.shape);
  const grid = Float32Array.from({ length: height * width * 2 }, (_, i) =>
    i % 2 === 0 ? (i >> 1) % width : Math.floor((i >> 1) / width),
  );
  return consistentAt(grid, forward.data, { data: backward.data, height, width, channels: 2 });
}
