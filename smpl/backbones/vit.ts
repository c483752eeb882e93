/**
 * @file The vision transformer (Dosovitskiy et al. 2021) as ViTPose and HMR2.0 arrange and name it: patches of 16 px of the
 * middle three quarters of the square crop, no class token (its place in the position table is added to all others).
 */
import { type Tensor3D, type Tensor4D, tf } from "../../src/engine/tf.ts";
import { type Parameters, parameter } from "../../src/nn/parameters.ts";
import { attention, gelu, layerNorm, parts, tokenLinear } from "../attention.ts";
import type { Backbone } from "../backbone.ts";

const PATCH = 16;
/** Zeros around the picture, so that the patches reach over its edges. */
const PADDING = 2;
const MLP_RATIO = 4;
const EPSILON = 1e-6;
/** Three quarters of the side must be whole patches. */
const STEP = 64;

export const vit: Backbone = {
  doc: "vision transformer of any size on the middle 3/4 of the crop (HMR2.0: width 1280, 32 blocks, 16 heads)",
  published: { width: 1280, cropSize: 256 },
  featureCount: ({ width }) => width,
  problem: ({ cropSize, width, vit: { heads } }) => {
    if (cropSize % STEP !== 0) return `needs a crop size that ${STEP} divides, got ${cropSize}`;
    return width % heads === 0 ? undefined : `needs a width that its ${heads} heads divide, got ${width}`;
  },
  shapes: ({ width, cropSize, vit: { depth } }) => {
    const shapes = new Map<string, readonly number[]>();
    const addLayer = (key: string, ...weight: number[]) => {
      shapes.set(`${key}.weight`, weight);
      shapes.set(`${key}.bias`, [weight[0]!]);
    };
    shapes.set("pos_embed", [1, 1 + tokenCount(cropSize), width]);
    addLayer("patch_embed.proj", width, 3, PATCH, PATCH);
    for (let block = 0; block < depth; block++) {
      const key = `blocks.${block}`;
      addLayer(`${key}.norm1`, width);
      addLayer(`${key}.attn.qkv`, 3 * width, width);
      addLayer(`${key}.attn.proj`, width, width);
      addLayer(`${key}.norm2`, width);
      addLayer(`${key}.mlp.fc1`, MLP_RATIO * width, width);
      addLayer(`${key}.mlp.fc2`, width, MLP_RATIO * width);
    }
    addLayer("last_norm", width);
    return shapes;
  },
  recognise: (shapes) => {
    const table = shapes.get("pos_embed");
    if (table?.length !== 3 || !shapes.has("blocks.0.attn.qkv.weight")) return undefined;
    const width = table[2]!;
    let depth = 0;
    while (shapes.has(`blocks.${depth}.attn.qkv.weight`)) depth++;
    const cropSize = PATCH * Math.round(Math.sqrt((4 / 3) * (table[1]! - 1)));
    // Head counts leave no trace in the shapes; these are the published ones (B, L: 64 channels a head, H: 80).
    return { width, cropSize, vit: { depth, heads: width === 1280 ? 16 : Math.max(1, Math.floor(width / 64)) } };
  },
  features: (parameters, { vit: { depth, heads } }, images) =>
    tf.tidy(() => {
      const side = images.shape[1];
      const middle = tf.slice(images, [0, 0, side / 8, 0], [-1, -1, (3 * side) / 4, -1]);
      const table = parameter(parameters, "pos_embed");
      const [forAll, own] = tf.split(table, [1, table.shape[1]! - 1], 1);
      let x = tf.add(tf.add(patches(parameters, middle), own!), forAll!) as Tensor3D;
      for (let block = 0; block < depth; block++) x = applyBlock(parameters, `blocks.${block}`, heads, x);
      return layerNorm(parameters, "last_norm", x, EPSILON);
    }),
};

/** Places of a crop: whole patches of its side times those of three quarters of it. */
function tokenCount(cropSize: number): number {
  return (cropSize / PATCH) * ((3 * cropSize) / (4 * PATCH));
}

function patches(parameters: Parameters, images: Tensor4D): Tensor3D {
  const weight = parameter(parameters, "patch_embed.proj.weight") as tf.Tensor as Tensor4D;
  const pad = [[0, 0], [PADDING, PADDING], [PADDING, PADDING], [0, 0]]; // biome-ignore format: one line reads as the matrix it is
  const map = tf.conv2d(images, weight, PATCH, pad as unknown as "valid");
  const tokens = tf.reshape(map, [map.shape[0], map.shape[1] * map.shape[2], map.shape[3]]);
  return tf.add(tokens, parameter(parameters, "patch_embed.proj.bias"));
}

function applyBlock(parameters: Parameters, key: string, heads: number, x: Tensor3D): Tensor3D {
  const layer = (name: string, input: Tensor3D) => tokenLinear(parameters, `${key}.${name}`, input);
  return tf.tidy(() => {
    const first = layerNorm(parameters, `${key}.norm1`, x, EPSILON);
    const [queries, keys, values] = parts(layer("attn.qkv", first), 3);
    const seen = tf.add(x, layer("attn.proj", attention(queries!, keys!, values!, heads))) as Tensor3D;
    const second = layerNorm(parameters, `${key}.norm2`, seen, EPSILON);
    return tf.add(seen, layer("mlp.fc2", gelu(layer("mlp.fc1", second)))) as Tensor3D;
  });
}
