/** @file How a published weight file lays out a network: its keys, what each is called here, and which it may leave out. */
import { FormatError } from "../src/errors.ts";
import { elementCount, type HostTensor } from "../src/io/host-tensor.ts";
import type { ParameterShapes } from "../src/nn/parameters.ts";

/** One key of a file. */
export interface LayoutKey {
  /** In the file, without `module.`. */
  readonly key: string;
  /** The tensor's name in ParameterShapes. Counters of batches have one of their own there, which no network uses. */
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * `twin`: a second name of a tensor that is there already; `counter`: a batch norm's `num_batches_tracked`. Files may
   * lack both; written are both, so that their own code loads the file strictly.
   */
  readonly role: "weight" | "twin" | "counter";
}

/** The keys of one kind of file. */
export interface WeightLayout {
  /** Whose names they are: "official" or "torchvision". */
  readonly naming: string;
  /** What every written key begins with: "module." where the published files have it. */
  readonly prefix: "" | "module.";
  readonly keys: readonly LayoutKey[];
}

/** How well tensors fit a layout; keys as the file has them. Everything empty: a file that loads. */
export interface LayoutFit {
  readonly missing: readonly string[];
  readonly unused: readonly string[];
  /** Keys with a shape that is not the layout's. */
  readonly misshapen: readonly string[];
}

const COUNTER = "num_batches_tracked";

/** The layout of `shapes` whose keys are `rename(name)`; running statistics bring their counter along, `twin` second keys. */
export function layoutOf(
  naming: string,
  prefix: WeightLayout["prefix"],
  shapes: ParameterShapes,
  rename: (name: string) => string,
  twin: (name: string) => string | undefined = () => undefined,
): WeightLayout {
  const keys: LayoutKey[] = [];
  const add = (name: string, shape: readonly number[], role: LayoutKey["role"]) => {
    keys.push({ key: rename(name), name, shape, role });
    const second = twin(name);
    if (second !== undefined) keys.push({ key: second, name, shape, role: role === "counter" ? role : "twin" });
  };
  for (const [name, shape] of shapes) {
    add(name, shape, "weight");
    if (name.endsWith(".running_var")) add(name.replace(/running_var$/, COUNTER), [], "counter");
  }
  return { naming, prefix, keys };
}

/** The tensors under the names of ParameterShapes, where one of `layouts` knows their key; all others keep theirs. */
export function renameTensors<T>(layouts: readonly WeightLayout[], tensors: ReadonlyMap<string, T>): Map<string, T> {
  const known = new Map(layouts.flatMap(({ keys }) => keys.map((entry) => [entry.key, entry] as const)));
  const renamed = new Map<string, T>();
  for (const [full, tensor] of tensors) {
    const key = withoutModule(full);
    const entry = known.get(key);
    if (entry?.role !== "twin") renamed.set(entry?.name ?? key, tensor);
  }
  return renamed;
}

/** What of a file with these tensors fits `layout`. Twins and counters may be missing. */
export function fitLayout(
  layout: WeightLayout,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): LayoutFit {
  const expected = new Map(layout.keys.map((entry) => [entry.key, entry]));
  const found = new Map([...tensors].map(([key, tensor]) => [withoutModule(key), { key, tensor }]));
  const missing = layout.keys.filter(({ key, role }) => role === "weight" && !found.has(key)).map(({ key }) => key);
  const unused: string[] = [];
  const misshapen: string[] = [];
  for (const [key, { key: full, tensor }] of found) {
    const entry = expected.get(key);
    if (!entry) unused.push(full);
    // Old files keep counters as one-element lists.
    else if (entry.role !== "counter" && entry.shape.join() !== tensor.shape.join()) misshapen.push(full);
  }
  return { missing, unused, misshapen };
}

/**
 * Tensors under the names of ParameterShapes as a file of `layout` holds them: every key it has, prefix, twins and
 * counters (0 where they are unknown) included. Values and dtypes stay. Throws FormatError for a missing tensor or shape.
 */
export function layOut(
  where: string,
  layout: WeightLayout,
  tensors: ReadonlyMap<string, HostTensor>,
): Map<string, HostTensor> {
  const result = new Map<string, HostTensor>();
  for (const { key, name, shape, role } of layout.keys) {
    const tensor = tensors.get(name);
    if (role === "counter") {
      const count = tensor?.data[0] ?? 0;
      result.set(layout.prefix + key, { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(count)) });
    } else if (tensor?.shape.join() === shape.join() && tensor.data.length === elementCount(shape)) {
      result.set(layout.prefix + key, tensor);
    } else {
      const got = tensor ? `[${tensor.shape.join(", ")}]` : "none";
      throw new FormatError(where, `expected ${name} of shape [${shape.join(", ")}], got ${got}`);
    }
  }
  return result;
}

function withoutModule(key: string): string {
  return key.startsWith("module.") ? key.slice("module.".length) : key;
}
