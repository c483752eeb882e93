/** @file The file formats of predictions by name. */
import { bvhWriter } from "./bvh.ts";
import { glbWriter } from "./glb.ts";
import { jsonWriter } from "./json.ts";
import { npzWriter } from "./npz.ts";
import { objWriter } from "./obj.ts";
import type { PredictionFormat } from "./prediction-writer.ts";

/** The formats by name, which is also the file's extension. */
export const predictionFormats: Readonly<Record<string, PredictionFormat>> = {
  npz: npzWriter,
  json: jsonWriter,
  glb: glbWriter,
  bvh: bvhWriter,
  obj: objWriter,
};
