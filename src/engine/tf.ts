/** @file tfjs-core with its gradients registered: the one way in which the project imports tfjs. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import { MotionCueError } from "../errors.ts";

const bundle = fileURLToPath(new URL("../../build/tfjs-gradients.cjs", import.meta.url));
if (!existsSync(bundle)) throw new MotionCueError("engine", `${bundle} is missing; run: npm run setup`);
// Without this flag tfjs prints an advertisement for another package when it starts in Node.
tf.env().set("IS_NODE", false);
createRequire(import.meta.url)(bundle);

export { tf };
export type Tensor = tf.Tensor;
export type Tensor2D = tf.Tensor2D;
export type Tensor3D = tf.Tensor3D;
export type Tensor4D = tf.Tensor4D;
export type Variable = tf.Variable;
export type TensorInfo = tf.TensorInfo;
export type KernelConfig = tf.KernelConfig;
