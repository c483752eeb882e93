/** @file Where the vertices of each pair's two frames were predicted and which of them both frames show, on the host. */
import type { tf } from "../../src/engine/tf.ts";
import { NonFiniteError, ShapeError } from "../../src/errors.ts";
import { type CueInputs, describePair, type PairName, type PairOf } from "./cue.ts";
import { type ProjectedMeshes, visibleVertices } from "./visibility.ts";

/** P pairs of meshes as numbers. */
export interface PairMeshes {
  /** [P*V*2] crop pixels. */
  readonly pixels: PairOf<Float32Array>;
  /** Every frame once, and [P] the places of each pair's frames in it. */
  readonly meshes: ProjectedMeshes;
  readonly places: readonly (readonly [number, number])[];
}

const known = new WeakMap<CueInputs, PairMeshes>();
const seen = new WeakMap<CueInputs, Map<string, Uint8Array>>();

/**
 * The meshes of all pairs, read from the engine once per batch, whichever cues ask. Throws NonFiniteError naming the pair
 * (`where` begins the message) when a prediction is NaN or infinite, ShapeError when there are not as many as pairs.
 */
export function pairMeshes(where: string, inputs: CueInputs): PairMeshes {
  const found = known.get(inputs) ?? readMeshes(where, inputs);
  known.set(inputs, found);
  checkFinite(where, "the predicted mesh is", inputs.pairs, found.pixels.first);
  checkFinite(where, "the predicted mesh is", inputs.pairs, found.pixels.second);
  return found;
}

/**
 * [P*V] 1 for the vertices that both frames of a pair show: inside crop and frame, not hidden in a raster of side `size`,
 * at least `erode` crop pixels inside the silhouette. Computed once per batch. Throws as pairMeshes.
 */
export function seenInBoth(where: string, inputs: CueInputs, size: number, erode = 0): Uint8Array {
  const kept = seen.get(inputs) ?? new Map<string, Uint8Array>();
  seen.set(inputs, kept);
  const key = `${size}/${erode}`;
  const found = kept.get(key) ?? bothVisible(pairMeshes(where, inputs), inputs, size, erode);
  kept.set(key, found);
  return found;
}

/** The rows of `values`, `length` numbers each, at `places`, one after the other. */
export function rowsAt<T extends Float32Array | Uint8Array>(values: T, places: readonly number[], length: number): T {
  const result = new (values.constructor as new (n: number) => T)(places.length * length);
  places.forEach((place, i) => {
    result.set(values.subarray(place * length, (place + 1) * length), i * length);
  });
  return result;
}

/** Throws NonFiniteError that names the pair whose part of `values` holds a NaN or an infinity. */
export function checkFinite(where: string, what: string, pairs: readonly PairName[], values: Float32Array): void {
  let bad = 0;
  // x - x is 0 for finite numbers alone; a plain loop, since this runs over every vertex in every step.
  while (bad < values.length && values[bad]! - values[bad]! === 0) bad++;
  if (bad === values.length) return;
  const pair = pairs[Math.floor(bad / (values.length / pairs.length))];
  throw new NonFiniteError(where, `${what} not finite (${values[bad]}) in ${describePair(pair)}`);
}

/** A tensor's numbers. */
export function hostFloats(tensor: tf.Tensor): Float32Array {
  return tensor.dataSync() as Float32Array;
}

function readMeshes(where: string, { frames, predicted, pairs, cropSize, faces }: CueInputs): PairMeshes {
  const { first, second } = predicted;
  const [count, vertexCount] = first.pixels.shape;
  if (count !== pairs.length) throw new ShapeError(where, `[${pairs.length},V,2] vertices`, first.pixels.shape);
  if (frames) {
    const pixels = hostFloats(frames.predicted.pixels);
    const side = (which: 0 | 1) =>
      rowsAt(
        pixels,
        frames.pairs.map((pair) => pair[which]),
        2 * vertexCount,
      );
    const depth = hostFloats(frames.predicted.depth);
    const meshes = { pixels, depth, faces, frameCount: frames.names.length, cropSize };
    return { pixels: { first: side(0), second: side(1) }, meshes, places: frames.pairs };
  }
  const pixels = joined(first.pixels, second.pixels);
  const depth = joined(first.depth, second.depth);
  return {
    pixels: { first: pixels.subarray(0, pixels.length / 2), second: pixels.subarray(pixels.length / 2) },
    meshes: { pixels, depth, faces, frameCount: 2 * count, cropSize },
    places: pairs.map((_, i) => [i, count + i]),
  };
}

function joined(a: tf.Tensor, b: tf.Tensor): Float32Array {
  const result = new Float32Array(a.size + b.size);
  result.set(hostFloats(a));
  result.set(hostFloats(b), a.size);
  return result;
}

function bothVisible({ pixels, meshes, places }: PairMeshes, inputs: CueInputs, size: number, erode: number) {
  const visible = visibleVertices(meshes, size, erode);
  const vertexCount = meshes.depth.length / meshes.frameCount;
  const side = (which: 0 | 1, at: Float32Array, picture: Float32Array | undefined): Uint8Array => {
    const own = rowsAt(
      visible,
      places.map((pair) => pair[which]),
      vertexCount,
    );
    if (picture) hideOutside(own, at, picture);
    return own;
  };
  const second = side(1, pixels.second, inputs.picture?.second);
  return side(0, pixels.first, inputs.picture?.first).map((flag, i) => flag & second[i]!);
}

/** Clears the vertices [P*V] whose pixels [P*V*2] lie outside their frame's `picture` [P*4]. */
function hideOutside(visible: Uint8Array, pixels: Float32Array, picture: Float32Array): void {
  const vertexCount = (4 * visible.length) / picture.length;
  for (let v = 0; v < visible.length; v++) {
    const at = 4 * Math.floor(v / vertexCount);
    const [x, y] = [pixels[2 * v]!, pixels[2 * v + 1]!];
    const inside = x >= picture[at]! && y >= picture[at + 1]! && x <= picture[at + 2]! && y <= picture[at + 3]!;
    if (!inside) visible[v] = 0;
  }
}
