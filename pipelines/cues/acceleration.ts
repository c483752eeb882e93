/** @file A smoothness prior: joints of three neighbouring frames should lie on a straight, evenly travelled line. */
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../../src/engine/tf.ts";
import { NonFiniteError } from "../../src/errors.ts";
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { type Cue, type CueSpec, needed, numbersOnly } from "./cue.ts";
import { PENALTIES, penalised } from "./robust.ts";

const ACCELERATION_CUE_OPTIONS = {
  robust: {
    kind: "choice",
    choices: PENALTIES,
    default: "none",
    doc: "none: squared acceleration; so that quick motion is damped less, charbonnier: linear, gmof: constant beyond robustSize.",
  },
  robustSize: {
    kind: "number",
    min: 1e-4,
    default: 0.02,
    doc: "Acceleration at which the robust penalty leaves the square, metres per frame interval squared.",
  },
} as const satisfies OptionTable;
type AccelerationCueOptions = OptionsOf<typeof ACCELERATION_CUE_OPTIONS>;

export const accelerationCueSpec: CueSpec<typeof ACCELERATION_CUE_OPTIONS> = {
  name: "acceleration",
  doc: "Joints of three neighbouring frames should not accelerate (needs --sequence 3 or more).",
  weight: 10,
  needs: ["triples"],
  options: ACCELERATION_CUE_OPTIONS,
  presets: {},
  create: createAccelerationCue,
};

/**
 * The cue whose value is the mean over triples and joints of rho(|x0 - 2 x1 + x2|^2), x being the joints in metres before
 * the camera, as the acceleration error takes them; 0, and connected, without any triple. Numbers: `triples`, and
 * `acceleration` as the mean length in mm per frame interval squared. Throws NonFiniteError naming a frame.
 */
export function createAccelerationCue(options: AccelerationCueOptions): Cue {
  return {
    name: "acceleration",
    needs: ["triples"],
    loss(inputs) {
      const { predicted, triples, names } = needed("cue acceleration", inputs, "frames");
      const [, jointCount] = predicted.joints.shape;
      if (triples.length === 0)
        return { value: tf.mul<tf.Scalar>(tf.sum(predicted.joints), 0), report: numbersOnly({ triples: 0 }) };
      const at = (which: 0 | 1 | 2): Tensor3D =>
        tf.gather(
          predicted.joints,
          tf.tensor1d(
            triples.map((triple) => triple[which]),
            "int32",
          ),
          0,
        );
      const change = tf.add(tf.sub(at(0), tf.mul(at(1), 2)), at(2)) as Tensor;
      const squared = tf.sum(tf.square(change), 2) as Tensor2D;
      const host = squared.dataSync() as Float32Array;
      const bad = host.findIndex((x) => !Number.isFinite(x));
      if (bad >= 0) {
        const { video, track, frame } = names[triples[Math.floor(bad / jointCount)]![1]]!;
        throw new NonFiniteError(
          "cue acceleration",
          `the predicted joints are not finite near ${video} track ${track} frame ${frame}`,
        );
      }
      const length = host.reduce((sum, x) => sum + Math.sqrt(x), 0) / host.length;
      return {
        value: tf.mean<tf.Scalar>(penalised(options.robust, squared, options.robustSize)),
        report: numbersOnly({ triples: triples.length, acceleration: 1000 * length }),
      };
    },
  };
}
