/** @file The options of `flow`. */
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { ENGINE_OPTION, FLOW_NETWORK_OPTIONS } from "../shared-options.ts";

export const FLOW_OPTIONS = {
  ...FLOW_NETWORK_OPTIONS,
  out: {
    kind: "text",
    value: "FILE|DIR",
    doc: "of two pictures the .flo file to write, or KITTI's 16-bit flow where the name ends in .png; of a video a flow video (a video's file name), or a folder for a .flo file per pair",
  },
  backward: {
    kind: "text",
    value: "FILE|DIR",
    doc: "also write the flow from the second frame to the first: a .flo file, or of a video a folder of them",
  },
  png: { kind: "text", value: "FILE", doc: "of two pictures, also write the flow as colours" },
  maxFlow: {
    kind: "number",
    min: 0.01,
    max: 100_000,
    doc: "pixels of motion shown in full colour; unless given the longest of a picture, and a fortieth of a video's longer side",
  },
  size: {
    kind: "integer",
    min: 16,
    max: 16384,
    doc: "frames with a longer side than this are shrunk to it, and flow is in pixels of those; unless given 512 for videos and no limit for pictures",
  },
  ...ENGINE_OPTION,
} as const satisfies OptionTable;

export type FlowOptions = OptionsOf<typeof FLOW_OPTIONS>;
