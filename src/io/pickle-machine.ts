/** @file The stack machine that a pickle's opcodes drive, and the bounds on what a hostile pickle can make of it. */
import type { PickleBytes } from "./pickle-bytes.ts";
import type { PickleRules } from "./pickle-rules.ts";

/** Bound on the dicts, sets, byte views and calls of one pickle: the largest checkpoints need some ten thousands. */
const MAX_OBJECTS = 250_000;
/** Bound on what calls are given, in items per byte of the pickle: a hostile file copies one long list again and again. */
const MAX_WORK_PER_BYTE = 16;

/** What `(` puts on the stack. It never becomes a value of the result. */
export const MARK: unique symbol = Symbol("mark");

/** A stack, a memo, and counters. Every method throws an Error where the pickle asks for what is not there. */
export interface Machine {
  readonly input: PickleBytes;
  readonly rules: PickleRules;
  push(value: unknown): void;
  /** Pushes an object that takes far more memory than its bytes in the file, and counts it. */
  pushNew(value: unknown): void;
  pop(): unknown;
  top(): unknown;
  /** Everything above the last mark, which goes too. */
  popToMark(): unknown[];
  remember(index: number): void;
  recall(index: number): void;
  memoSize(): number;
  /** Counts the items of `values` as work, and throws when a pickle of this size cannot need so much. */
  spend(values: readonly unknown[]): void;
}

/** An empty machine for a pickle of `byteCount` bytes. */
export function createMachine(input: PickleBytes, rules: PickleRules, byteCount: number): Machine {
  const workLimit = 1_000_000 + MAX_WORK_PER_BYTE * byteCount;
  let work = 0;
  let objects = 0;
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  const checkTop = () => {
    if (stack.length === 0 || stack.at(-1) === MARK) throw new Error("the stack is empty");
  };
  return {
    input,
    rules,
    push: (value) => void stack.push(value),
    pushNew: (value) => {
      if (++objects > MAX_OBJECTS) throw new Error(`more than ${MAX_OBJECTS} dicts, sets and calls`);
      stack.push(value);
    },
    pop: () => {
      checkTop();
      return stack.pop();
    },
    top: () => {
      checkTop();
      return stack.at(-1);
    },
    popToMark: () => {
      const at = stack.lastIndexOf(MARK);
      if (at < 0) throw new Error("a mark is missing");
      const items = stack.slice(at + 1);
      stack.length = at;
      return items;
    },
    remember: (index) => void memo.set(index, stack.at(-1)),
    recall: (index) => {
      if (!memo.has(index)) throw new Error(`nothing was remembered as ${index}`);
      stack.push(memo.get(index));
    },
    memoSize: () => memo.size,
    spend: (values) => {
      for (const value of values) work += sizeOf(value);
      if (work > workLimit) throw new Error("it copies far more than it holds");
    },
  };
}

function sizeOf(value: unknown): number {
  if (typeof value === "string" || Array.isArray(value) || value instanceof Uint8Array) return value.length;
  return value instanceof Map || value instanceof Set ? value.size : 1;
}
