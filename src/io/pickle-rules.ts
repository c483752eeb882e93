/** @file What a pickle may refer to: the contract between the reader and those who know some format's names. */

/** What a pickled name stands for. A plain value (a dtype, say) has neither `make` nor state. */
export interface PickleGlobal {
  /** `module.name`, for messages. */
  readonly name: string;
  /** The value of a call with these arguments. Throws an Error whose message says what is wrong with them. */
  readonly make?: (args: readonly unknown[]) => unknown;
}

/** Key of the method that takes the state of an object that is built in two steps. */
export const SET_STATE: unique symbol = Symbol("set pickled state");

/** An object that takes its state after it was made, in place, because others may hold it already. */
export interface Buildable {
  [SET_STATE](state: unknown): void;
}

/** What a pickle may refer to. */
export interface PickleRules {
  /** The global of that name, or undefined to refuse it. */
  readonly resolve: (module: string, name: string) => PickleGlobal | undefined;
  /** The object that a persistent id means; without it they are refused. */
  readonly persistent?: (id: unknown) => unknown;
}

/**
 * What stands for a value as key of a dict or item of a set: the value itself, but a text for numbers that are no 32-bit
 * integers. JavaScript hashes those without a secret, so a hostile file could choose a million that all collide.
 */
export function pickledKey(value: unknown): unknown {
  if (typeof value === "number") return (value | 0) === value ? value : String(value);
  return typeof value === "bigint" ? String(value) : value;
}
