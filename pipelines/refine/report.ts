/** @file The report of a refinement: what came of it, how the losses went, what the result looks like, what was asked. */
import { flowFieldFrom } from "../../flow/flow-field.ts";
import { loadRegressor, type Regressor } from "../../smpl/regressor.ts";
import { hstack, vstack } from "../../src/image/draw.ts";
import { type Image, imageFrom } from "../../src/image/image.ts";
import { resizeImage } from "../../src/image/resize.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { flowRadius, labelled, pairPanels, scaleVertices } from "../bodies/panels.ts";
import { predictCrops } from "../bodies/predict.ts";
import type { RunFolder } from "../run/folder.ts";
import { formatReport, type ReportPart, type ReportSection } from "../run/report.ts";
import { readSteps, type StepReport } from "../run/step-records.ts";
import type { ResidualSummary } from "./held-out.ts";
import type { RefineOptions } from "./options.ts";
import type { RefineResult } from "./refine.ts";
import { evenlySpread, loadPairs, type PairPlace, type PairSplit, pairName } from "./sampler.ts";
import type { RefineModels } from "./step.ts";

const PICTURES = 4;

/** Writes `report.html` of a finished run. */
export async function writeRunReport(
  folder: RunFolder,
  options: RefineOptions,
  result: RefineResult,
  models: Pick<RefineModels, "regressor" | "body">,
  splits: readonly PairSplit[],
): Promise<void> {
  const sections: ReportSection[] = [
    { title: "Flow residual on held-out frames", parts: residualParts(result) },
    { title: "Losses", parts: lossCurves(await readSteps(folder.metrics)) },
    { title: "Held-out pairs", parts: await pictures(options, models, splits) },
    { title: "Videos", parts: [videoTable(result)] },
    { title: "Options", parts: [optionTable(options, result)] },
  ];
  await writeFileAtomic(folder.report, formatReport("MotionCue: refinement", sections));
}

/** The residual before and after as a table, for the report and the terminal. */
export function residualRows(before: ResidualSummary, after: ResidualSummary): string[][] {
  const change = (b: number, a: number) => `${a < b ? "-" : "+"}${((100 * Math.abs(a - b)) / b).toFixed(1)} %`;
  const row = (name: string, b: number, a: number, digits: number) => [
    name,
    b.toFixed(digits),
    a.toFixed(digits),
    change(b, a),
  ];
  return [
    row("flow residual, px of the regressor's crop", before.pixels, after.pixels, 3),
    row("the same over the observed flow's length", before.relative, after.relative, 3),
  ];
}

function residualParts({ before, after, pairs }: RefineResult): ReportPart[] {
  const text =
    `Mean distance between mesh flow and observed flow at visible vertices of ${after.count} directed pairs out of the last ` +
    `fifth of each clip (${pairs.heldOut} pairs), none of which was trained on; ${pairs.training} pairs were. A still mesh has 1 in the second row.`;
  return [
    { kind: "table", head: ["", "before", "after", "change"], rows: residualRows(before, after) },
    { kind: "text", text },
  ];
}

/** Curves of the loss, each cue and the gradient norm over the steps. */
export function lossCurves(steps: readonly StepReport[]): ReportPart[] {
  const x = steps.map(({ step }) => step);
  const curve = (name: string, of: (step: StepReport) => number): ReportPart => ({
    kind: "curve",
    name,
    x,
    y: steps.map(of),
  });
  const cues = Object.keys(steps[0]?.cues ?? {}).map((cue) =>
    curve(`cue ${cue}`, (s) => s.cues[cue]?.value ?? Number.NaN),
  );
  return [curve("loss", (s) => s.loss), ...cues, curve("gradient norm", (s) => s.gradientNorm)];
}

async function pictures(
  options: RefineOptions,
  models: Pick<RefineModels, "regressor" | "body">,
  splits: readonly PairSplit[],
): Promise<ReportPart[]> {
  const places = splits.flatMap(({ heldOut }) => evenlySpread(heldOut, 1));
  if (places.length === 0) return [{ kind: "text", text: "No pair was held out: the clips are too short." }];
  const base = await loadRegressor(options.regressor, options.camera ? { camera: options.camera } : {});
  try {
    const parts: ReportPart[] = [];
    for (const place of evenlySpread(places, PICTURES)) {
      const { video, track, frames } = pairName(place);
      const image = await picture(place, base, models);
      parts.push({ kind: "picture", image, caption: `${video}, track ${track}, frames ${frames[0]} and ${frames[1]}` });
    }
    return parts;
  } finally {
    base.dispose();
  }
}

async function picture(
  place: PairPlace,
  base: Regressor,
  { regressor, body }: Pick<RefineModels, "regressor" | "body">,
): Promise<Image> {
  const { cropSize, flowSize, crops, forward } = await loadPairs([place]);
  const length = crops.length / 2;
  const images = [0, 1].map((i) => imageFrom(crops.slice(i * length, (i + 1) * length), cropSize, cropSize));
  const crop = resizeImage(images[0]!, flowSize, flowSize);
  const flow = flowFieldFrom(forward, flowSize, flowSize);
  const row = (network: Regressor, name: string): Image => {
    const [first, second] = predictCrops(network, body, images).map(({ projected }) =>
      scaleVertices(projected, cropSize, flowSize),
    ) as [Float32Array, Float32Array];
    const panels = pairPanels({ crop, first, second, faces: body.faces, flow }, flowRadius(flow));
    const plain = labelled(resizeImage(images[0]!, flowSize, flowSize), name);
    return hstack([plain, panels.mesh, panels.flow, panels.meshFlow, panels.residual], 2);
  };
  return vstack([row(base, "before"), row(regressor, "after")], 2);
}

function videoTable({ videos, skipped }: RefineResult): ReportPart {
  const rows = [
    ...videos.map((video) => [video, "used"]),
    ...skipped.map(({ video, problem, failed }) => [video, `${failed ? "failed" : "not used"}: ${problem}`]),
  ];
  return { kind: "table", head: ["video", ""], rows };
}

function optionTable(options: RefineOptions, { engine }: RefineResult): ReportPart {
  const rows = Object.entries(options).map(([name, value]) => [name, value === undefined ? "" : JSON.stringify(value)]);
  const running = ["engine that ran", `${engine.name}, ${engine.device}, ${engine.version}`];
  return { kind: "table", head: ["option", "value"], rows: [...rows, running] };
}
