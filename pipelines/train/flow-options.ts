/** @file The options of `train flow`. */
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { ENGINE_OPTION, RESUME_OPTION } from "../shared-options.ts";

export const TRAIN_FLOW_OPTIONS = {
  out: { kind: "text", value: "DIR", default: "runs/train-flow", doc: "run folder" },
  ...RESUME_OPTION,
  initial: { kind: "text", value: "FILE", doc: "weights to begin with (of a former run), in place of new ones" },
  steps: { kind: "integer", default: 3400, min: 1, doc: "optimiser steps" },
  warmUp: {
    kind: "integer",
    default: 300,
    min: 1,
    doc: "steps on plain translations, after which real scenes come in; the first third of them trains matching alone",
  },
  batch: { kind: "integer", default: 8, min: 1, max: 256, doc: "pairs per step at the middle size; fewer when larger" },
  size: {
    kind: "integer",
    default: 112,
    min: 64,
    max: 512,
    doc: "middle side of the pictures, px; rounded to a multiple of 8",
  },
  people: {
    kind: "number",
    default: 0.5,
    min: 0,
    max: 1,
    doc: "share of pairs that show synthetic people of the rich world; the others show moving shapes",
  },
  smallMotions: {
    kind: "flag",
    doc: "weigh the error of each pair by 1 / sqrt(1 + its mean motion in px), so that small motions count too",
  },
  updates: { kind: "integer", default: 5, min: 1, max: 32, doc: "updates per pair while training" },
  evaluateUpdates: { kind: "integer", default: 8, min: 1, max: 32, doc: "updates per pair when measuring" },
  learningRate: {
    kind: "number",
    default: 1e-3,
    min: 0,
    doc: "highest learning rate of Adam; it warms up and then falls",
  },
  clip: { kind: "number", default: 1, min: 0, doc: "largest norm of the gradient" },
  heldOut: { kind: "integer", default: 32, min: 1, max: 4096, doc: "held-out pairs to measure on" },
  evaluateEvery: { kind: "integer", default: 200, min: 1, doc: "steps between measurements" },
  checkpointEvery: { kind: "integer", default: 250, min: 1, doc: "steps between checkpoints" },
  seed: { kind: "integer", default: 1, doc: "of weights, scenes and order" },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;

export type TrainFlowOptions = OptionsOf<typeof TRAIN_FLOW_OPTIONS>;
