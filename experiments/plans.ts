/** @file The experiments by name. */
import type { Plan } from "./plan.ts";
import {
  ablation,
  backbones,
  flowSource,
  frameGap,
  noAnchor,
  ownVideos,
  presets,
  videoAmount,
} from "./plans/few-labels.ts";
import { labels } from "./plans/labels.ts";
import { score } from "./plans/score.ts";

export const plans: ReadonlyMap<string, Plan> = new Map(
  [labels, videoAmount, backbones, noAnchor, frameGap, flowSource, presets, ownVideos, score, ablation].map((plan) => [
    plan.name,
    plan,
  ]),
);
