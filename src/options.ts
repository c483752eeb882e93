/** @file Option tables: one place holds each option's name, type, default, range and sentence; code and command line read it. */
import { OptionError } from "./errors.ts";

interface Described {
  /** One sentence for the help, with the unit and why one would change it. */
  readonly doc: string;
}
/** One option. Options without a `default` are undefined unless given. */
export type OptionSpec = Described &
  (
    | { readonly kind: "integer"; readonly default?: number; readonly min?: number; readonly max?: number }
    | { readonly kind: "number"; readonly default?: number; readonly min?: number; readonly max?: number }
    | { readonly kind: "flag"; readonly default?: boolean }
    | { readonly kind: "choice"; readonly choices: readonly string[]; readonly default?: string }
    /** Free text: a path, a name. `value` is its placeholder in the help, such as FILE or DIR. */
    | { readonly kind: "text"; readonly value: string; readonly default?: string }
    /** Repeatable text. */
    | { readonly kind: "list"; readonly value: string; readonly default?: readonly string[] }
  );
export type OptionTable = Readonly<Record<string, OptionSpec>>;

type ValueOf<S extends OptionSpec> = S extends { kind: "integer" | "number" }
  ? number
  : S extends { kind: "flag" }
    ? boolean
    : S extends { kind: "choice"; choices: readonly (infer C)[] }
      ? C
      : S extends { kind: "list" }
        ? readonly string[]
        : string;
type WithDefault<S extends OptionSpec> = S extends { default: infer D }
  ? D extends undefined
    ? false
    : true
  : S extends { kind: "flag" }
    ? true
    : false;
/** The complete options that a table describes. */
export type OptionsOf<T extends OptionTable> = {
  readonly [K in keyof T]: WithDefault<T[K]> extends true ? ValueOf<T[K]> : ValueOf<T[K]> | undefined;
};

/** Every option's default. Flags are false unless the table says otherwise. */
export function defaultsOf<T extends OptionTable>(table: T): OptionsOf<T> {
  const entries = Object.entries(table).map(([name, spec]) => [
    name,
    spec.default ?? (spec.kind === "flag" ? false : undefined),
  ]);
  return Object.freeze(Object.fromEntries(entries)) as OptionsOf<T>;
}

/**
 * The complete options: defaults, overlaid with what is given (an explicit `undefined` keeps the default).
 * Throws OptionError for unknown names, wrong types and values out of range; `where` begins the message.
 */
export function completeOptions<T extends OptionTable>(
  where: string,
  table: T,
  given: Partial<OptionsOf<T>> = {},
): OptionsOf<T> {
  const result: Record<string, unknown> = { ...defaultsOf(table) };
  for (const [name, value] of Object.entries(given)) {
    const spec = table[name];
    if (!spec) throw new OptionError(where, `unknown option "${name}"${suggestion(name, Object.keys(table))}`);
    if (value === undefined) continue;
    checkOption(where, name, spec, value);
    result[name] = value;
  }
  return Object.freeze(result) as OptionsOf<T>;
}

/** ` (known: a, b); did you mean "a"?` for an unknown name. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = known
    .map((k) => [editDistance(name.toLowerCase(), k.toLowerCase()), k] as const)
    .sort((x, y) => x[0] - y[0])[0];
  const hint = nearest && nearest[0] <= Math.max(2, name.length / 3) ? `; did you mean "${nearest[1]}"?` : "";
  return ` (known: ${known.join(", ")})${hint}`;
}

function checkOption(where: string, name: string, spec: OptionSpec, value: unknown): void {
  const fail = (expected: string): never => {
    throw new OptionError(where, `option ${name} must be ${expected}, got ${JSON.stringify(value) ?? String(value)}`);
  };
  switch (spec.kind) {
    case "integer":
    case "number": {
      const what = `${spec.kind === "integer" ? "an integer" : "a finite number"}${rangeText(spec)}`;
      const isNumber = typeof value === "number" && Number.isFinite(value);
      if (!isNumber || (spec.kind === "integer" && !Number.isInteger(value))) fail(what);
      if (isNumber && (value < (spec.min ?? value) || value > (spec.max ?? value))) fail(what);
      return;
    }
    case "flag":
      if (typeof value !== "boolean") fail("true or false");
      return;
    case "choice":
      if (typeof value !== "string" || !spec.choices.includes(value)) fail(`one of ${spec.choices.join(", ")}`);
      return;
    case "text":
      if (typeof value !== "string" || value === "") fail("a non-empty text");
      return;
    case "list":
      if (!Array.isArray(value) || value.some((v) => typeof v !== "string")) fail("a list of texts");
      return;
    default:
      spec satisfies never;
  }
}

function rangeText({ min, max }: { readonly min?: number; readonly max?: number }): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max !== undefined ? ` of at most ${max}` : "";
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
