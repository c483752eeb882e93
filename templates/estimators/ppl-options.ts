/** @file The options of Pose Prior Learner. */
import type { OptionsOf, OptionTable } from "../../src/options.ts";

export const PPL_OPTIONS = {
  size: {
    kind: "integer",
    default: 64,
    min: 32,
    max: 512,
    doc: "side of the pictures in pixels, a multiple of 16, of 32 where bodies move; 128 and 256 as published",
  },
  width: {
    kind: "integer",
    default: 16,
    min: 2,
    max: 64,
    doc: "channels of the networks at full size; 64 as published, fewer are faster",
  },
  decoderWidth: {
    kind: "integer",
    default: 8,
    min: 2,
    max: 64,
    doc: "channels of the reconstructing network at full size; 64 as published",
  },
  points: { kind: "integer", default: 16, min: 2, max: 64, doc: "keypoints; 16 with a prior made from a template" },
  head: {
    kind: "choice",
    choices: ["attention", "offset"],
    default: "attention",
    doc: "how a point sees the picture: attention (newest released code) or offset (earlier code)",
  },
  body: {
    kind: "choice",
    choices: ["still", "moves"],
    default: "moves",
    doc: "whether only points move as published, or the prior goes to where a body is seen first",
  },
  keypointPrior: {
    kind: "choice",
    choices: ["memory", "template", "template-frozen", "random", "random-frozen"],
    default: "template",
    doc: "where the prior's points come from: the memory, or points of their own that begin at the template's joints or at random",
  },
  linkPrior: {
    kind: "choice",
    choices: ["random", "random-frozen", "template", "template-frozen"],
    default: "template",
    doc: "whether link weights begin near zero at random or as the template's skeleton, and whether they learn",
  },
  template: {
    kind: "text",
    value: "NAME|FILE",
    default: "arms-down",
    doc: "part template whose joints priors may begin from: arms-out, arms-down, or a file",
  },
  thickness: {
    kind: "number",
    default: 4e-3,
    min: 1e-6,
    max: 1,
    doc: "squared thickness of links where the picture is 2 wide; 5e-4 is a deviation of 1 pixel of 128",
  },
  banks: { kind: "integer", default: 34, min: 1, max: 256, doc: "banks of the memory; 34 as published" },
  codes: { kind: "integer", default: 16, min: 1, max: 256, doc: "codes in each bank; 16 as published" },
  dim: { kind: "integer", default: 64, min: 1, max: 1024, doc: "numbers per code; 512 as published" },
  channels: {
    kind: "integer",
    default: 64,
    min: 1,
    max: 1024,
    doc: "channels of the memory's mixers; 512 as published",
  },
  memoryStart: {
    kind: "choice",
    choices: ["warm", "released"],
    default: "warm",
    doc: "whether the memory's averages begin at its codes, or as released, which gives wild priors for about 100 steps",
  },
  perceptualWeight: { kind: "number", default: 1, min: 0, doc: "weight of the perceptual difference of pictures" },
  pixelWeight: { kind: "number", default: 0, min: 0, doc: "weight of the squared difference of pixels" },
  silhouetteWeight: {
    kind: "number",
    default: 1,
    min: 0,
    doc: "weight of the difference between the links and what stands out from a still background; 0 as published",
  },
  placeWeight: {
    kind: "number",
    default: 3,
    min: 0,
    doc: "weight of the cross entropy between where a body is taken to be and what stands out; counts where bodies move",
  },
  boundaryWeight: { kind: "number", default: 1, min: 0, doc: "weight of points outside the picture" },
  poseWeight: {
    kind: "number",
    default: 100,
    min: 0,
    doc: "weight of the difference between poses and what the memory recalls; 100 in the released code",
  },
  commitmentWeight: { kind: "number", default: 1, min: 0, doc: "weight of the difference between tokens and codes" },
  linkWeight: {
    kind: "number",
    default: 0,
    min: 0,
    doc: "weight of changes of link lengths; in the paper but switched off in the released code",
  },
} as const satisfies OptionTable;
export type PplOptions = OptionsOf<typeof PPL_OPTIONS>;
