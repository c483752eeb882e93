/** @file Which network of the registry a file of weights belongs to, under whose names, and the same weights under others. */
import { FormatError, OptionError } from "../src/errors.ts";
import type { HostTensor } from "../src/io/host-tensor.ts";
import { suggestion } from "../src/options.ts";
import { flowEstimators } from "./estimators.ts";
import { fitLayout, type LayoutFit, layOut, renameTensors, type WeightLayout } from "./weight-layout.ts";

/** A network and a naming that weights fit, best of all in the registry, and what is wrong with them; nothing if they load. */
export interface FlowWeightsFit extends LayoutFit {
  /** Its name in the registry. */
  readonly network: string;
  /** Whose names the keys are: "official", "torchvision", or "motioncue" for our own files. */
  readonly naming: string;
}

/** Below this share of a layout's keys, a file is something else. */
const LEAST_SHARE = 0.5;

/**
 * The network of the registry whose layout the tensors (values are not looked at) fit best; undefined where less than half
 * of their keys and shapes belong to any. Keys may begin with `module.`. Our own files need the header of the safetensors
 * file, `metadata`.
 */
export function identifyFlowWeights(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  metadata: Readonly<Record<string, string>> = {},
): FlowWeightsFit | undefined {
  let best: { readonly fit: FlowWeightsFit; readonly share: number } | undefined;
  for (const [network, kind] of Object.entries(flowEstimators)) {
    for (const layout of kind.layouts(metadata)) {
      const { missing, unused, misshapen } = fitLayout(layout, tensors);
      const weights = layout.keys.filter(({ role }) => role === "weight").length;
      const share = (weights - missing.length - misshapen.length) / (weights + unused.length);
      if (share < LEAST_SHARE || (best && share <= best.share)) continue;
      best = { fit: { network, naming: layout.naming, missing, unused, misshapen }, share };
    }
  }
  return best?.fit;
}

/** The namings in which the weights of a network of the registry are published; the first is its authors'. */
export function namingsOf(network: string): readonly string[] {
  return layoutsOf(network).map(({ naming }) => naming);
}

/**
 * Weights of a flow network, under whichever published names, as a file with the names of `naming` holds them: every key
 * of it, `module.` and second names included. `where` begins the messages. Throws FormatError where the tensors are no
 * complete flow network's, and OptionError for a naming that its weights are not published in.
 */
export function renameFlowWeights(
  where: string,
  tensors: ReadonlyMap<string, HostTensor>,
  naming: string,
): Map<string, HostTensor> {
  const fit = identifyFlowWeights(tensors);
  if (!fit)
    throw new FormatError(where, `expected the weights of ${Object.keys(flowEstimators).join(" or ")}, got others`);
  const { network, missing, unused, misshapen } = fit;
  const wrong = [...missing.map((k) => `${k} is missing`), ...unused.map((k) => `${k} is not its`), ...misshapen.map((k) => `${k} has another shape`)]; // biome-ignore format: three of a kind
  if (wrong.length > 0) throw new FormatError(where, `expected weights of ${network}, got others: ${wrong.join(", ")}`);
  const layouts = layoutsOf(network);
  const target = layouts.find((layout) => layout.naming === naming);
  if (!target) {
    const names = layouts.map((layout) => layout.naming);
    throw new OptionError("naming", `expected ${names.join(" or ")} for ${network}, got "${naming}"${suggestion(naming, names)}`); // biome-ignore format: one thought
  }
  return layOut(where, target, renameTensors(layouts, tensors));
}

function layoutsOf(network: string): readonly WeightLayout[] {
  return flowEstimators[network]?.layouts() ?? [];
}
