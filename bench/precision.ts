/**
 * @file `npm run precision`: what bfloat16 costs in accuracy. The flow of RAFT-small's real weights against the truth in either
 * precision, and the losses of the same refinement steps in either.
 */
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadFlowEstimator } from "../flow/estimators.ts";
import { readFlo } from "../flow/flo-file.ts";
import { endpointError, type FlowField, flowFieldFrom } from "../flow/flow-field.ts";
import { type CommandResult, defineCommand } from "../pipelines/cli.ts";
import type { Context } from "../pipelines/run/context.ts";
import { formatTable } from "../pipelines/run/table.ts";
import { startEngine } from "../src/engine/engine.ts";
import { type Tensor4D, tf } from "../src/engine/tf.ts";
import { imagesToTensor } from "../src/image/image.ts";
import { readPng } from "../src/image/png.ts";
import { writeFileAtomic } from "../src/io/write-file.ts";
import { completeOptions, type OptionsOf, type OptionTable } from "../src/options.ts";
import { runProgram } from "./program.ts";
import { createRefinement, madeUpLabels, madeUpPairs } from "./refinement.ts";
import { RESULTS } from "./results.ts";

const PRECISION_OPTIONS = {
  steps: { kind: "integer", min: 2, max: 10_000, default: 100, doc: "refinement steps in either precision" },
  updates: { kind: "integer", min: 1, max: 100, default: 20, doc: "updates of RAFT" },
  data: {
    kind: "text",
    value: "DIR",
    doc: "flow/NAME/frame10.png, frame11.png, flow10.flo and weights/raft-small.pth; unless given ../shared/data",
  },
} as const satisfies OptionTable;

const PRECISIONS = ["fp32", "bf16"] as const;
const PAIRS = ["rubberwhale", "Dimetrodon", "Grove2"] as const;
const CROP = 96;

/** Endpoint errors, px, of one pair; `apart` is between the two flows. */
interface FlowCost {
  readonly pair: string;
  readonly fp32: number;
  readonly bf16: number;
  readonly apart: number;
}

/** Losses of the first and the last step, and the largest difference of any step as a share of float32's loss. */
interface LossCost {
  readonly steps: number;
  readonly fp32: Ends;
  readonly bf16: Ends;
  readonly worstShare: number;
}
interface Ends {
  readonly first: { readonly loss: number; readonly flow: number };
  readonly last: { readonly loss: number; readonly flow: number };
}

async function precision(
  context: Context,
  given: Partial<OptionsOf<typeof PRECISION_OPTIONS>>,
): Promise<CommandResult> {
  const options = completeOptions("precision", PRECISION_OPTIONS, given);
  const data = options.data ?? fileURLToPath(new URL("../../shared/data/", import.meta.url));
  const engine = await startEngine("torch");
  const flow: FlowCost[] = [];
  const weights = join(data, "weights", "raft-small.pth");
  if (existsSync(weights)) for (const pair of PAIRS) flow.push(await flowCost(pair, data, weights, options.updates));
  else context.log.info(`precision: ${weights} is absent; no flow is compared`);
  const loss = await lossCost(options.steps);
  const command = `npm run precision -- --steps ${options.steps} --updates ${options.updates}`;
  const record = {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model,
    engine,
    command,
    updates: options.updates,
    flow,
    loss,
  };
  await writeFileAtomic(join(RESULTS, "precision.json"), `${JSON.stringify(record, null, 2)}\n`);
  const number = (x: number) => x.toPrecision(5);
  const rows = flow.map(({ pair, fp32, bf16, apart }) => [pair, number(fp32), number(bf16), number(apart)]);
  const ends = (kind: "loss" | "flow") => PRECISIONS.map((name) => number(loss[name].last[kind]));
  const text = [
    formatTable(["endpoint error, px", "fp32", "bf16", "between them"], rows),
    formatTable(
      [`after ${loss.steps} steps`, "fp32", "bf16"],
      [
        ["loss", ...ends("loss")],
        ["flow cue", ...ends("flow")],
      ],
    ),
    `largest difference of the losses of one step: ${(100 * loss.worstShare).toPrecision(2)} %`,
  ].join("\n\n");
  return { text, data: record };
}

async function flowCost(pair: string, data: string, weights: string, updates: number): Promise<FlowCost> {
  const folder = join(data, "flow", pair);
  const images = await Promise.all(["frame10.png", "frame11.png"].map((name) => readPng(join(folder, name))));
  const truth = await readFlo(join(folder, "flow10.flo"));
  const fields: FlowField[] = [];
  for (const name of PRECISIONS) {
    await startEngine("torch", name);
    const estimator = await loadFlowEstimator("raft-small", weights);
    const frames = imagesToTensor(images) as Tensor4D;
    const { forward, backward } = estimator.clipFlows(frames, [[0, 1]], updates);
    const [, height, width] = forward.shape;
    fields.push(flowFieldFrom((await forward.data()) as Float32Array, height, width));
    tf.dispose([frames, forward, backward]);
    estimator.dispose();
  }
  const [exact, rough] = fields as [FlowField, FlowField];
  return {
    pair,
    fp32: endpointError(exact, truth).epe,
    bf16: endpointError(rough, truth).epe,
    apart: endpointError(rough, exact).epe,
  };
}

async function lossCost(steps: number): Promise<LossCost> {
  const curves: { loss: number; flow: number }[][] = [];
  for (const name of PRECISIONS) {
    await startEngine("torch", name);
    const refinement = createRefinement({ backbone: "resnet18", cropSize: CROP }, { rings: 24, segments: 20 });
    const [pairs, labels] = [madeUpPairs(4, CROP, CROP), madeUpLabels(4, CROP)];
    const curve = Array.from({ length: steps }, () => {
      const { loss, cues } = refinement.step(pairs, labels);
      return { loss, flow: cues["flow"]!.value };
    });
    curves.push(curve);
    refinement.dispose();
  }
  const [exact, rough] = curves as [(typeof curves)[number], (typeof curves)[number]];
  const ends = (curve: (typeof curves)[number]): Ends => ({ first: curve[0]!, last: curve.at(-1)! });
  const worstShare = Math.max(...exact.map(({ loss }, i) => Math.abs(rough[i]!.loss - loss) / loss));
  return { steps, fp32: ends(exact), bf16: ends(rough), worstShare };
}

await runProgram(
  defineCommand({
    name: "precision",
    summary: "Measure what bfloat16 costs in accuracy: of flow on real pairs, and of the loss over refinement steps.",
    arguments: [],
    options: PRECISION_OPTIONS,
    example: "run precision -- --steps 100",
    run: (context, _args, options) => precision(context, options),
  }),
);
