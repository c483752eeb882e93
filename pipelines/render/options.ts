/** @file The options of `render`. */
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { ENGINE_OPTION, FLOW_NETWORK_OPTIONS, MODEL_OPTIONS, TRACK_OPTIONS } from "../shared-options.ts";

export const RENDER_OPTIONS = {
  ...MODEL_OPTIONS,
  compare: { kind: "text", value: "FILE", doc: "a second regressor, shown in a second row" },
  out: { kind: "text", value: "FILE", default: "debug.mp4", doc: "video to write" },
  ...TRACK_OPTIONS,
  track: { kind: "integer", min: 0, doc: "id of the person to show; unless given, the one seen in most frames" },
  size: { kind: "integer", default: 256, min: 64, max: 1024, doc: "side of each panel, on which flow is computed too" },
  maxFrames: { kind: "integer", min: 1, doc: "stop after so many frames" },
  ...FLOW_NETWORK_OPTIONS,
  ...ENGINE_OPTION,
} as const satisfies OptionTable;

export type RenderOptions = OptionsOf<typeof RENDER_OPTIONS>;
