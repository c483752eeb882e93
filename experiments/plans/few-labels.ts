/** @file The experiments at a tenth of the labels: (b) to (g), (i), and what refinement does to the very videos that it saw. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Laboratory } from "../laboratory.ts";
import { planOf, refinement, type Variant } from "../plan.ts";
import type { RefineRecipe } from "../recipes.ts";

const BASE: Variant = { group: { method: "base" } };

/** Shares of the unlabelled videos, percent. */
const AMOUNTS = [6.25, 12.5, 25, 50, 100] as const;
const GAPS = [1, 3, 5, 7] as const;

export const videoAmount = planOf(
  "video-amount",
  "Does more unlabelled video give more?",
  ({ recipes, world }: Laboratory) => {
    const counts = AMOUNTS.map((share) => Math.max(1, Math.round((world.train.videos.length * share) / 100)));
    return [
      { group: { videos: 0 } },
      ...[...new Set(counts)].map((videos) => ({
        group: { videos },
        refinement: refinement(recipes.flow, {}, videos),
      })),
    ];
  },
);

export const backbones = planOf("backbones", "Does it help another network too?", ({ recipes }: Laboratory) =>
  (["landmarks", "resnet18"] as const).flatMap((backbone) =>
    [10, 100].flatMap((fraction): Variant[] => [
      { group: { backbone, fraction, method: "base" }, backbone, fraction },
      {
        group: { backbone, fraction, method: "flow" },
        backbone,
        fraction,
        refinement: refinement(recipes.flow),
      },
    ]),
  ),
);

export const noAnchor = planOf("no-anchor", "What does the anchor hold?", ({ recipes }: Laboratory) => {
  const anchored = (method: string, more: RefineRecipe): Variant => ({
    group: { method },
    // What the weights that it begins with hold is an anchor, too.
    refinement: refinement(recipes.flow, { blend: 1, ...more }),
  });
  return [
    BASE,
    anchored("flow, labels", {}),
    anchored("flow, teacher", { anchor: "teacher" }),
    anchored("flow, no anchor", { anchor: "none" }),
  ];
});

export const frameGap = planOf("frame-gap", "How far apart may frames be?", ({ recipes }: Laboratory) => [
  { group: { frameGap: 0 } },
  ...GAPS.map((gap) => ({
    group: { frameGap: gap },
    refinement: refinement(recipes.flow, gap === 1 ? {} : { frameGap: gap }),
  })),
]);

export const flowSource = planOf(
  "flow-source",
  "How much is lost to errors of the flow?",
  ({ recipes, options }: Laboratory) => {
    const weights = join(options.weights, "raft-small.pth");
    const source = (method: string, flow: RefineRecipe): Variant => ({
      group: { method },
      refinement: refinement(recipes.flow, flow),
    });
    return [
      BASE,
      source("our RAFT", {}),
      ...(existsSync(weights) ? [source("RAFT-small, published weights", { flow: "raft-small", flowWeights: weights })] : []), // biome-ignore format: a line
      source("true flow", { flow: "truth" }),
    ];
  },
);

export const presets = planOf("presets", "Is the default preset better than the published settings?", ({ recipes }) => [
  BASE,
  { group: { method: "paper" }, refinement: refinement(recipes.paper) },
  { group: { method: "default" }, refinement: refinement(recipes.default) },
]);

export const ablation = planOf(
  "ablation",
  "What does each ingredient do? On validation, for choosing.",
  ({ recipes }: Laboratory) => [
    BASE,
    { group: { method: "no video" }, refinement: refinement(recipes.labels) },
    { group: { method: "default" }, refinement: refinement(recipes.default) },
    ...Object.entries(recipes.ingredients).map(([method, recipe]) => ({
      group: { method },
      refinement: refinement(recipes.default, recipe),
    })),
  ],
  { split: "validation" },
);

export const ownVideos = planOf(
  "own-videos",
  "Are networks better on the very videos that they were refined on?",
  ({ recipes }: Laboratory) => [
    BASE,
    { group: { method: "no video" }, refinement: refinement(recipes.labels) },
    { group: { method: "flow" }, refinement: refinement(recipes.flow) },
    { group: { method: "default" }, refinement: refinement(recipes.default) },
  ],
  { split: "train" },
);
