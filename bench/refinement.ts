/** @file A refinement that is ready to take steps on made-up batches: what `step`, `pipeline` and the soak test run. */
import { createCue } from "../pipelines/cues.ts";
import type { LabelledCrop } from "../pipelines/labelled/crop.ts";
import { type LabelledBatch, labelledBatch } from "../pipelines/labelled/source.ts";
import type { PairBatch } from "../pipelines/refine/sampler.ts";
import { type RefineModels, type StepOutcome, stepGradients } from "../pipelines/refine/step.ts";
import type { RegressorSpec } from "../smpl/regressor-spec.ts";
import { createAdam } from "../src/nn/adam.ts";
import { disposeGradients } from "../src/nn/gradients.ts";
import { bodyStates, pictures, steadyRegressor } from "./inputs.ts";
import { tubeBody } from "./tube-body.ts";

/** Networks, optimiser and the step that uses them. */
export interface Refinement {
  readonly models: RefineModels;
  /** Loss, gradients, and a step of Adam. */
  step(pairs: PairBatch, labelled: LabelledBatch): Pick<StepOutcome, "loss" | "cues">;
  dispose(): void;
}

/** The supervised loss of a labelled batch and 0.01 times the flow loss, squared and without consistency check: the peer's. */
export function createRefinement(
  spec: Partial<RegressorSpec>,
  mesh: { readonly rings: number; readonly segments: number },
): Refinement {
  const regressor = steadyRegressor(spec);
  const body = tubeBody(mesh);
  const cues = [
    { cue: createCue("flow", "default", { robust: "none", consistency: false }), weight: 0.01 },
    { cue: createCue("labelled", "paper"), weight: 1 },
  ];
  const models = { regressor, body, teacher: undefined, cues };
  const adam = createAdam({ learningRate: 1e-5, beta1: 0.5 });
  return {
    models,
    step: (pairs, labelled) => {
      const { loss, cues: reports, gradients } = stepGradients(models, { ...pairs, labelled });
      adam.step(regressor.parameters, gradients);
      disposeGradients(gradients);
      return { loss, cues: reports };
    },
    dispose: () => {
      adam.dispose();
      regressor.dispose();
      body.dispose();
    },
  };
}

/** P pairs whose flow is a few px everywhere, as they come from a cache. */
export function madeUpPairs(count: number, cropSize: number, flowSize: number): PairBatch {
  const forward = Float32Array.from({ length: count * flowSize * flowSize * 2 }, (_, i) =>
    i % 2 === 0 ? 2.5 + Math.sin(i / 1000) : -1.5 + Math.cos(i / 700),
  );
  const each = Array.from({ length: count }, (_, i) => i);
  return {
    names: each.map((i) => ({ video: "made up", track: "1", frames: [2 * i, 2 * i + 1] as const })),
    pairs: each.map((i) => [i, count + i] as const),
    triples: [],
    frames: [0, 1].flatMap((later) => each.map((i) => ({ video: "made up", track: "1", frame: 2 * i + later }))),
    cropSize,
    flowSize,
    crops: pictures(2 * count, cropSize),
    picture: Float32Array.from({ length: 8 * count }, (_, i) => (i % 4 < 2 ? -0.5 : cropSize - 0.5)),
    forward,
    backward: forward.map((value) => -value),
  };
}

/** A batch of labelled crops with every kind of label. */
export function madeUpLabels(count: number, cropSize: number): LabelledBatch {
  const images = pictures(count, cropSize);
  const { rotations, betas } = bodyStates(count, 11);
  const length = cropSize * cropSize * 3;
  const crops = Array.from(
    { length: count },
    (_, i): LabelledCrop => ({
      image: images.subarray(i * length, (i + 1) * length),
      rotations: rotations.subarray(216 * i, 216 * (i + 1)),
      betas: betas.subarray(10 * i, 10 * (i + 1)),
      joints3d: Float32Array.from({ length: 96 }, (_, k) => (k % 4 === 3 ? 1 : 0.3 * Math.sin(k + i))),
      joints2d: Float32Array.from({ length: 72 }, (_, k) => (k % 3 === 2 ? 1 : 0.5 * Math.cos(k - i))),
    }),
  );
  return labelledBatch(crops);
}
