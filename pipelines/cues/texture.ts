/** @file TexturePose in its vertex form: a point of the body should have the same colour in both frames of a pair. */
import { type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { ShapeError } from "../../src/errors.ts";
import { type Samples, sampleBilinear, samplesWithGradient } from "../../src/geometry/sample.ts";
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { type Cue, type CueSpec, needed } from "./cue.ts";
import { mapOf } from "./flow-weights.ts";
import { checkFinite, hostFloats, pairMeshes, seenInBoth } from "./pair-sight.ts";
import { PENALTIES, type Penalty, penalised, penalisedNumber } from "./robust.ts";

const TEXTURE_CUE_OPTIONS = {
  erode: {
    kind: "number",
    min: 0,
    default: 0,
    doc: "Leave out vertices nearer to the silhouette than this, px at a 224 px crop.",
  },
  robust: {
    kind: "choice",
    choices: PENALTIES,
    default: "none",
    doc: "none: squared colour difference; so that shadows pull less, charbonnier: linear, gmof: constant beyond 0.1.",
  },
} as const satisfies OptionTable;
type TextureCueOptions = OptionsOf<typeof TEXTURE_CUE_OPTIONS>;

const REFERENCE_SIZE = 224;
/** Least side of the raster that decides what is visible: on smaller ones small faces win no pixel. */
const LEAST_RASTER = 256;
/** Length of a difference of colours in 0..1 at which the robust penalties leave the square. */
const COLOUR_SIZE = 0.1;

export const textureCueSpec: CueSpec<typeof TEXTURE_CUE_OPTIONS> = {
  name: "texture",
  doc: "TexturePose: a visible vertex should have the same colour in both frames.",
  weight: 10,
  needs: ["images"],
  options: TEXTURE_CUE_OPTIONS,
  presets: {},
  create: createTextureCue,
};

/**
 * The cue whose value is the mean squared colour difference |c1 - c2|^2 (RGB in 0..1) over the vertices that both frames of
 * a pair show, all pairs together, so that a pair weighs by what is seen of it; 0 where nothing is. Gradient goes
 * through the places where colours are read, in both frames. `perPair` is each pair's own mean. Source: Pavlakos et al.
 * 2019, per vertex as in the code released with arXiv 2402.02736.
 */
export function createTextureCue(options: TextureCueOptions): Cue {
  return {
    name: "texture",
    needs: ["images"],
    loss(inputs) {
      const where = "cue texture";
      const images = needed(where, inputs, "images");
      const { cropSize, pairs, predicted, flow } = inputs;
      // The flow cue's raster where there is one, so that visibility is computed once for both.
      const size = flow?.first.shape[1] ?? Math.max(LEAST_RASTER, cropSize);
      const weights = seenInBoth(where, inputs, size, (options.erode * cropSize) / REFERENCE_SIZE);
      const { pixels } = pairMeshes(where, inputs);
      const colours = {
        first: sampleColours(where, images.first, pixels.first, cropSize),
        second: sampleColours(where, images.second, pixels.second, cropSize),
      };
      checkFinite(where, "the picture is", pairs, colours.first.values);
      checkFinite(where, "the picture is", pairs, colours.second.values);
      const withGradient = (which: "first" | "second"): Tensor3D =>
        samplesWithGradient(colours[which], predicted[which].pixels, pixels[which]);
      const value = colourLoss(withGradient("first"), withGradient("second"), weights, options.robust);
      return { value, report: report(colours.first.values, colours.second.values, weights, pairs.length, options) };
    },
  };
}

/**
 * The mean of rho(|first - second|^2) of colours [P,V,C] over the vertices whose weight [P*V] is 1, all pairs together; 0,
 * and connected, without any.
 */
export function colourLoss(first: Tensor3D, second: Tensor3D, weights: Uint8Array, robust: Penalty): tf.Scalar {
  const squared = tf.sum(tf.square(tf.sub(first, second)), 2) as Tensor2D;
  const count = weights.reduce((sum, w) => sum + w, 0);
  const rows = Float32Array.from(weights, (w) => w / Math.max(1, count));
  return tf.sum<tf.Scalar>(tf.mul(penalised(robust, squared, COLOUR_SIZE), tf.tensor(rows, squared.shape)));
}

/** Colours of images [P,S,S,C] at points [P*V*2] of each, S being `cropSize`. Throws ShapeError, beginning with `where`. */
export function sampleColours(where: string, images: Tensor4D, points: Float32Array, cropSize: number): Samples {
  const [count, height, width, channels] = images.shape;
  if (height !== cropSize || width !== cropSize)
    throw new ShapeError(`${where} images`, `[P,${cropSize},${cropSize},C]`, images.shape);
  const maps = hostFloats(images);
  const perPair = points.length / count;
  const values = new Float32Array((points.length / 2) * channels);
  const slopes = new Float32Array(2 * values.length);
  for (let pair = 0; pair < count; pair++) {
    const own = sampleBilinear(
      mapOf(maps, cropSize, pair, channels),
      points.subarray(pair * perPair, (pair + 1) * perPair),
    );
    values.set(own.values, (pair * perPair * channels) / 2);
    slopes.set(own.slopes, pair * perPair * channels);
  }
  return { values, slopes };
}

function report(
  first: Float32Array,
  second: Float32Array,
  weights: Uint8Array,
  pairCount: number,
  { robust }: TextureCueOptions,
) {
  const vertexCount = weights.length / pairCount;
  const channels = first.length / weights.length;
  let [all, seen] = [0, 0];
  const perPair = Float32Array.from({ length: pairCount }, (_, pair) => {
    let [sum, count] = [0, 0];
    for (let v = pair * vertexCount; v < (pair + 1) * vertexCount; v++) {
      if (!weights[v]) continue;
      let d2 = 0;
      for (let c = v * channels; c < (v + 1) * channels; c++) d2 += (first[c]! - second[c]!) ** 2;
      sum += penalisedNumber(robust, d2, COLOUR_SIZE);
      all += Math.sqrt(d2);
      count++;
    }
    seen += count;
    return sum / count;
  });
  const unseen = perPair.filter((x) => Number.isNaN(x)).length;
  return { perPair, numbers: { seen, unseen, colourDistance: seen > 0 ? all / seen : 0 } };
}
