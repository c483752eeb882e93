/** @file RAFT's all-pairs correlation: the pyramid and the look-up in it. */
import { hasFused, runFused } from "../src/engine/custom.ts";
import { type Tensor, type Tensor3D, type Tensor4D, tf } from "../src/engine/tf.ts";

/** Correlation of every position with every position of the other map, at several resolutions of the other map. */
export interface CorrelationPyramid {
  /** Level l: [B*N, h_l, w_l], N = h*w positions of the first map; h_l = floor(h / 2^l). */
  readonly levels: readonly Tensor3D[];
}

/** Above this many bytes of correlation volumes, `correlator` looks up without them, if nothing else is asked for. */
export const VOLUME_BYTES = 2 ** 28;

/** What looks correlations up around coordinates [B,h,w,2]: see `correlationLookup`. */
export type Correlator = (coords: Tensor4D) => Tensor4D;

/**
 * The look-up in <first, second> / sqrt(C) for feature maps [B,h,w,C], over `levels` levels and a window of `radius`. The
 * volumes of all pairs are made where they take at most `volumeBytes` bytes; above that, on engines that can, each look-up
 * computes the products that it needs: the same numbers in little memory, which crops of 640 pixels and more want.
 */
export function correlator(
  first: Tensor4D,
  second: Tensor4D,
  levels: number,
  radius: number,
  volumeBytes = VOLUME_BYTES,
): Correlator {
  const [batch, h, w] = first.shape;
  if (hasFused("correlationDirect") && 4 * batch * (h * w) ** 2 * (4 / 3) > volumeBytes) {
    const maps = featurePyramid(second, levels);
    const scaled = scaledFeatures(first);
    return (coords) => directLookup(scaled, maps, coords, radius);
  }
  const pyramid = correlationPyramid(first, second, levels);
  return (coords) => correlationLookup(pyramid, coords, radius);
}

const scaledFeatures = (first: Tensor4D): Tensor4D => tf.mul(first, 1 / Math.sqrt(first.shape[3]));

/** A map and its averages over 2x2, 4x4 and so on blocks. */
function featurePyramid(map: Tensor4D, levels: number): Tensor4D[] {
  const maps = [map];
  while (maps.length < levels) maps.push(tf.avgPool(maps.at(-1)!, 2, 2, "valid"));
  return maps;
}

/** The look-up from the (scaled) first map and the pyramid of the second, without volumes; needs the fused kernel. */
export function directLookup(first: Tensor4D, maps: readonly Tensor4D[], coords: Tensor4D, radius: number): Tensor4D {
  const [batch, h, w] = coords.shape;
  const lookup = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const save = args.pop() as tf.GradSaveFunc;
    const features = args as Tensor[];
    const flat = tf.reshape(coords, [batch * h * w, 2]);
    const named = (all: readonly Tensor[]) => ({
      first: all[0]!,
      ...Object.fromEntries(all.slice(1).map((map, level) => [`map${level}`, map])),
    });
    const [value] = runFused("correlationDirect", { ...named(features), coords: flat }, { radius });
    save([flat, ...features]);
    const gradFunc = (dy: Tensor, [places, ...saved]: Tensor[]) =>
      runFused("correlationDirectGradient", { dy, ...named(saved), coords: places! }, { radius });
    return { value: value as Tensor, gradFunc };
  });
  return tf.tidy(() => {
    const flat = lookup(first, ...maps);
    return tf.reshape(flat, [batch, h, w, maps.length * (2 * radius + 1) ** 2]) as Tensor4D;
  });
}

/**
 * Pyramid of <first, second> / sqrt(C) for feature maps [B,h,w,C]. The second map is averaged over 2x2 blocks (odd last
 * rows and columns dropped) instead of the volume: the same numbers, since correlation is linear, at less cost.
 */
export function correlationPyramid(first: Tensor4D, second: Tensor4D, levels: number): CorrelationPyramid {
  return tf.tidy(() => {
    const [batch, h, w, channels] = first.shape;
    const positions = tf.reshape(scaledFeatures(first), [batch, h * w, channels]);
    const result = featurePyramid(second, levels).map((target) => {
      const [, rows, columns] = target.shape;
      const volume = tf.matMul(positions, tf.reshape(target, [batch, rows * columns, channels]), false, true);
      return tf.reshape(volume, [batch * h * w, rows, columns]) as Tensor3D;
    });
    return { levels: result };
  });
}

/**
 * Correlation around `coords` [B,h,w,2] (x, y in pixels of the first level): [B,h,w, levels*(2r+1)^2], bilinear, zero
 * outside. Channel (level, i, j) looks at (x / 2^level + i - r, y / 2^level + j - r): the offset of x is the slower one.
 * Bilinear weights are hat functions, so a window is (hats of y)^T V (hats of x): two small matrix products per
 * position, whose gradient needs no scatter.
 */
export function correlationLookup(pyramid: CorrelationPyramid, coords: Tensor4D, radius: number): Tensor4D {
  return hasFused("correlationLookup") ? fusedLookup(pyramid, coords, radius) : composedLookup(pyramid, coords, radius);
}

/** The look-up as one kernel; its gradient goes to the volumes alone (RAFT detaches the coordinates). */
function fusedLookup(pyramid: CorrelationPyramid, coords: Tensor4D, radius: number): Tensor4D {
  const [batch, h, w] = coords.shape;
  const sizes = pyramid.levels.flatMap(({ shape }) => [shape[1], shape[2]]);
  const lookup = tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => {
    const save = args.pop() as tf.GradSaveFunc;
    const volumes = args as Tensor[];
    const flat = tf.reshape(coords, [batch * h * w, 2]);
    const named = Object.fromEntries(volumes.map((volume, level) => [`volume${level}`, volume]));
    const [value] = runFused("correlationLookup", { ...named, coords: flat }, { radius });
    save([flat]);
    return {
      value: value as Tensor,
      gradFunc: (dy: Tensor, saved: Tensor[]) =>
        runFused("correlationLookupGradient", { dy, coords: saved[0] as Tensor }, { radius, sizes }),
    };
  });
  return tf.tidy(() => {
    const flat = lookup(...pyramid.levels);
    return tf.reshape(flat, [batch, h, w, (sizes.length / 2) * (2 * radius + 1) ** 2]) as Tensor4D;
  });
}

/** The look-up in tfjs operations, for engines without the fused kernel. */
export function composedLookup(pyramid: CorrelationPyramid, coords: Tensor4D, radius: number): Tensor4D {
  return tf.tidy(() => {
    const [batch, h, w] = coords.shape;
    const positions = batch * h * w;
    const flat = tf.reshape(coords, [positions, 2]);
    const x = tf.slice(flat, [0, 0], [positions, 1]);
    const y = tf.slice(flat, [0, 1], [positions, 1]);
    const windows = pyramid.levels.map((volume, level) => {
      const [, rows, columns] = volume.shape;
      const overX = hats(x, level, columns, radius);
      const overY = hats(y, level, rows, radius);
      const alongX = tf.matMul(overX, volume, false, true);
      return tf.reshape(tf.matMul(alongX, overY, false, true), [batch, h, w, (2 * radius + 1) ** 2]);
    });
    return tf.concat(windows, 3) as Tensor4D;
  });
}

/** [N, 2r+1, size]: weight of each of `size` cells for the sample at centre / 2^level + offset. */
function hats(centre: Tensor, level: number, size: number, radius: number): Tensor {
  return tf.tidy(() => {
    const offsets = Float32Array.from({ length: (2 * radius + 1) * size }, (_, k) => {
      return Math.floor(k / size) - radius - (k % size);
    });
    const distance = tf.abs(
      tf.add(tf.mul(tf.expandDims(centre, 2), 1 / 2 ** level), tf.tensor(offsets, [1, 2 * radius + 1, size])),
    );
    return tf.relu(tf.sub(1, distance));
  });
}
