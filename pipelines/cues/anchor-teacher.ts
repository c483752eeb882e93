/** @file The anchor for users without labels: stay near the predictions of a frozen copy of the regressor. */
import { type Tensor, tf } from "../../src/engine/tf.ts";
import type { OptionsOf, OptionTable } from "../../src/options.ts";
import { rootAligned } from "../labelled/supervised.ts";
import { type Cue, type CueSpec, type FrameParameters, needed, numbersOnly, type PairOf } from "./cue.ts";

/**
 * The weights are those of the supervised loss, whose place this anchor takes, so that a weight of the flow cue means
 * the same beside either anchor. Betas weigh more than there (0.1 against 0.001), since no shape prior and no 2D joints
 * hold them; the camera term stands in for the 2D joints. It is needed because flow is blind to errors that both frames
 * share.
 */
const TEACHER_OPTIONS = {
  pose: { kind: "number", min: 0, default: 1, doc: "Weight of the squared difference of rotation matrices." },
  shape: { kind: "number", min: 0, default: 0.1, doc: "Weight of the squared difference of betas." },
  joints3d: { kind: "number", min: 0, default: 5, doc: "Weight of the squared, root-aligned 3D joint difference." },
  camera: { kind: "number", min: 0, default: 5, doc: "Weight of the squared difference of (s, tx, ty)." },
  scale: { kind: "number", min: 0, default: 60, doc: "Factor on the weighted sum of all terms." },
} as const satisfies OptionTable;
type TeacherOptions = OptionsOf<typeof TEACHER_OPTIONS>;
const TERMS = ["pose", "shape", "joints3d", "camera"] as const;
const PELVIS = [0];

export const teacherAnchorSpec: CueSpec<typeof TEACHER_OPTIONS> = {
  name: "teacher",
  doc: "Anchor: stay near the predictions of a frozen copy of the regressor (no labels needed).",
  weight: 1,
  needs: ["teacher"],
  options: TEACHER_OPTIONS,
  presets: {},
  create: createTeacherAnchor,
};

/**
 * The cue whose value is scale * sum of weight * mean squared difference to `inputs.teacher`, over both frames of all
 * pairs.
 */
export function createTeacherAnchor(options: TeacherOptions): Cue {
  return {
    name: "teacher",
    needs: ["teacher"],
    loss(inputs) {
      const teacher = needed("cue teacher", inputs, "teacher");
      const terms = teacherTerms(inputs.predicted, teacher);
      const value = tf.mul<tf.Scalar>(tf.addN(TERMS.map((t) => tf.mul(terms[t], options[t]))), options.scale);
      const values = tf.stack(TERMS.map((term) => terms[term])).dataSync();
      return { value, report: numbersOnly(Object.fromEntries(TERMS.map((term, i) => [term, values[i]!]))) };
    },
  };
}

function teacherTerms(
  ours: PairOf<FrameParameters>,
  teacher: PairOf<FrameParameters>,
): Record<(typeof TERMS)[number], tf.Scalar> {
  const mean = (of: (x: FrameParameters) => Tensor): tf.Scalar =>
    tf.div(tf.add(meanSquare(of(ours.first), of(teacher.first)), meanSquare(of(ours.second), of(teacher.second))), 2);
  return {
    pose: mean((x) => x.rotations),
    shape: mean((x) => x.betas),
    joints3d: mean((x) => rootAligned(x.joints, PELVIS)),
    camera: mean((x) => x.camera),
  };
}

function meanSquare(a: Tensor, b: Tensor): tf.Scalar {
  return tf.mean(tf.squaredDifference(a, b));
}
