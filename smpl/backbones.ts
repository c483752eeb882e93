/** @file The backbones by name. */
import type { Backbone } from "./backbone.ts";
import { hrnet } from "./backbones/hrnet.ts";
import { landmarks } from "./backbones/landmarks.ts";
import { resnet18 } from "./backbones/resnet18.ts";
import { resnet50 } from "./backbones/resnet50.ts";
import { vit } from "./backbones/vit.ts";

export const backbones = { resnet18, resnet50, hrnet, vit, landmarks } as const satisfies Readonly<
  Record<string, Backbone>
>;
export type BackboneName = keyof typeof backbones;
