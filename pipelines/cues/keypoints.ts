/** @file The 2D-keypoint cue: joints of the predicted body should fall on keypoints that a detector found in the frames. */
import { type Tensor2D, tf } from "../../src/engine/tf.ts";
import { MotionCueError, NonFiniteError, ShapeError } from "../../src/errors.ts";
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { type Cue, type CueSpec, needed, numbersOnly } from "./cue.ts";
import { assignSides } from "./keypoint-sides.ts";
import { PENALTIES, penalised } from "./robust.ts";

const KEYPOINTS_CUE_OPTIONS = {
  minConfidence: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0.2,
    doc: "Keypoints below this confidence are left out; the others weigh by it.",
  },
  robust: {
    kind: "choice",
    choices: PENALTIES,
    default: "gmof",
    doc: "none: squared distance; so that wrong keypoints pull less, charbonnier: linear, gmof: constant beyond robustSize.",
  },
  robustSize: {
    kind: "number",
    min: 0.1,
    default: 30,
    doc: "Distance at which the robust penalty leaves the square, px at a 224 px crop (100 in SMPLify).",
  },
} as const satisfies OptionTable;
type KeypointsCueOptions = OptionsOf<typeof KEYPOINTS_CUE_OPTIONS>;

const REFERENCE_SIZE = 224;

export const keypointsCueSpec: CueSpec<typeof KEYPOINTS_CUE_OPTIONS> = {
  name: "keypoints",
  doc: "Joints should fall on 2D keypoints (needs --keypoints or --keypoints-from).",
  // That of the supervised loss: 5 for 2D keypoints, times 60.
  weight: 300,
  needs: ["keypoints"],
  options: KEYPOINTS_CUE_OPTIONS,
  presets: { default: {}, paper: { robustSize: 100 } },
  create: createKeypointsCue,
};

/**
 * The cue whose value is the mean of rho(d^2) over all keypoints of the batch's frames, weighted by their confidence, d
 * being the distance between projected joint and keypoint in half crop sides (the unit of the supervised 2D loss); 0, and
 * connected, where no keypoint is known. Where the keypoints' sides are the picture's, each frame takes those that are
 * nearer to the joints as they are in this step: sides that are fixed before the run would keep the network's first
 * mistakes about who faces where. Numbers: `keypoints` that count, `distance` as their mean in crop pixels, and frames
 * `swapped` and `unclear`.
 * Throws NonFiniteError naming a frame. Sources: SPIN's 2D loss; the penalty of SMPLify (Bogo et al. 2016).
 */
export function createKeypointsCue(options: KeypointsCueOptions): Cue {
  return {
    name: "keypoints",
    needs: ["keypoints"],
    loss(inputs) {
      const where = "cue keypoints";
      const { predicted, keypoints, keypointMirror, names } = needed(where, inputs, "frames");
      const { points } = predicted;
      if (!keypoints || !points) throw new MotionCueError(where, "needs keypoints, which this run does not provide");
      const [frames, count] = points.shape;
      if (keypoints.length !== frames * count * 3)
        throw new ShapeError(`${where} keypoints`, `[${frames},${count},3]`, [keypoints.length]);
      const host = points.dataSync() as Float32Array;
      const bad = host.findIndex((x) => !Number.isFinite(x));
      if (bad >= 0) throw notFinite(names[Math.floor(bad / 2 / count)]!);
      const sided = keypointMirror && assignSides(host, keypoints, keypointMirror);
      const known = sided?.keypoints ?? keypoints;
      const { targets, weights, used, distance } = compare(host, known, options.minConfidence);
      const offset = tf.div(tf.sub(points, tf.tensor3d(targets, points.shape)), inputs.cropSize / 2);
      const squared = tf.sum(tf.square(offset), 2) as Tensor2D;
      const size = (2 * options.robustSize) / REFERENCE_SIZE;
      return {
        value: tf.sum<tf.Scalar>(
          tf.mul(penalised(options.robust, squared, size), tf.tensor2d(weights, [frames, count])),
        ),
        report: numbersOnly({
          keypoints: used,
          distance,
          ...(sided ? { swapped: sided.swapped, unclear: sided.unclear } : {}),
        }),
      };
    },
  };
}

/** Targets [N*2] and weights [N] that sum to 1, of N predicted points [N*2]; how many count, and their weighted mean distance. */
function compare(points: Float32Array, keypoints: Float32Array, minConfidence: number) {
  // What does not count is compared with itself, so that no unknown number enters the loss.
  const targets = Float32Array.from(points);
  const weights = new Float32Array(points.length / 2);
  let [used, total, distance] = [0, 0, 0];
  for (let i = 0; i < weights.length; i++) {
    const [x, y, confidence] = [keypoints[3 * i]!, keypoints[3 * i + 1]!, keypoints[3 * i + 2]!];
    if (!(confidence > 0 && confidence >= minConfidence)) continue;
    targets.set([x, y], 2 * i);
    weights[i] = confidence;
    used++;
    total += confidence;
    distance += confidence * Math.hypot(points[2 * i]! - x, points[2 * i + 1]! - y);
  }
  const share = total > 0 ? 1 / total : 0;
  return { targets, weights: weights.map((w) => w * share), used, distance: distance * share };
}

function notFinite({ video, track, frame }: { video: string; track: string; frame: number }): NonFiniteError {
  return new NonFiniteError(
    "cue keypoints",
    `the projected joints are not finite in ${video} track ${track} frame ${frame}`,
  );
}
