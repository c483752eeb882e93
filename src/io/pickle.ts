/** @file A reader of Python pickles (protocols 0 to 5) that executes nothing: every name must be on the caller's list. */
import { FormatError } from "../errors.ts";
import {
  decodeLong,
  memoIndex,
  parseDecimal,
  parseEscapes,
  parseInteger,
  parseQuoted,
  pickleBytes,
} from "./pickle-bytes.ts";
import { createMachine, MARK, type Machine } from "./pickle-machine.ts";
import { type Buildable, type PickleGlobal, type PickleRules, pickledKey, SET_STATE } from "./pickle-rules.ts";
import { showText } from "./show-text.ts";

/** A pickle that ends too early: more bytes may mend it, which no other FormatError does. */
export class PickleCutShort extends FormatError {}

/** Bound on the opcodes of one pickle: models need some thousands, and a hostile file makes an object from every byte. */
const MAX_STEPS = 2_000_000;

/**
 * The value of the pickle that begins at `start`, and where it ends. None, True, numbers and texts become their
 * JavaScript counterparts (integers beyond 2^53 bigint); bytes Uint8Array views; Python 2 byte strings texts with one
 * letter per byte; lists and tuples arrays; dicts Map and sets Set (see pickledKey). Runs without recursion, allocates nothing that a length
 * in the file announces before the bytes are there. Throws FormatError beginning with `where`.
 */
export function readPickle(
  bytes: Uint8Array,
  where: string,
  rules: PickleRules,
  start = 0,
): { readonly value: unknown; readonly end: number } {
  const input = pickleBytes(bytes, start, () => {
    throw new PickleCutShort(where, "cut short or broken: unexpected end of the pickle");
  });
  const machine = createMachine(input, rules, bytes.length);
  try {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const opcode = input.byte();
      if (opcode === STOP) return { value: machine.pop(), end: input.position() };
      step(machine, opcode);
    }
  } catch (error) {
    if (error instanceof PickleCutShort) throw error;
    const problem = showText((error as Error).message, 200);
    throw new FormatError(where, `unreadable pickle: ${problem} (before byte ${input.position()})`);
  }
  throw new FormatError(where, `unreadable pickle: more than ${MAX_STEPS} steps`);
}

const STOP = 0x2e;

type Operation = (machine: Machine) => void;

/** One operation per opcode, under the letter (or code) that pickletools lists it by. */
const OPERATIONS = new Map<number, Operation>(
  (
    [
      ["(", (m) => m.push(MARK)],
      ["0", popAny],
      ["1", (m) => void m.popToMark()],
      ["2", (m) => m.push(m.top())],
      ["N", (m) => m.push(null)],
      [0x88, (m) => m.push(true)],
      [0x89, (m) => m.push(false)],
      ["F", (m) => m.push(parseDecimal(m.input.line()))],
      ["G", (m) => m.push(m.input.float64BE())],
      ["I", (m) => pushInteger(m, parseInteger(m.input.line()))],
      ["L", (m) => pushInteger(m, parseInteger(m.input.line().replace(/L$/, "")))],
      ["J", (m) => m.push(m.input.int32())],
      ["K", (m) => m.push(m.input.byte())],
      ["M", (m) => m.push(m.input.uint16())],
      [0x8a, (m) => pushInteger(m, decodeLong(m.input.take(m.input.byte())))],
      [0x8b, (m) => pushInteger(m, decodeLong(m.input.take(m.input.length32())))],
      ["S", (m) => m.push(parseQuoted(m.input.line()))],
      ["T", (m) => m.push(m.input.latin1(m.input.length32()))],
      ["U", (m) => m.push(m.input.latin1(m.input.byte()))],
      ["V", (m) => m.push(parseEscapes(m.input.line(), "unicode"))],
      ["X", (m) => m.push(m.input.utf8(m.input.uint32()))],
      [0x8c, (m) => m.push(m.input.utf8(m.input.byte()))],
      [0x8d, (m) => m.push(m.input.utf8(m.input.length64()))],
      ["B", (m) => m.pushNew(m.input.take(m.input.uint32()))],
      ["C", (m) => m.pushNew(m.input.take(m.input.byte()))],
      [0x8e, (m) => m.pushNew(m.input.take(m.input.length64()))],
      [0x96, (m) => m.pushNew(m.input.take(m.input.length64()))],
      ["]", (m) => m.push([])],
      [")", (m) => m.push([])],
      ["}", (m) => m.pushNew(new Map())],
      [0x8f, (m) => m.pushNew(new Set())],
      ["l", (m) => m.push(m.popToMark())],
      ["t", (m) => m.push(m.popToMark())],
      ["d", (m) => m.pushNew(setItems(new Map(), m.popToMark()))],
      [0x91, (m) => m.pushNew(new Set(m.popToMark().map(pickledKey)))],
      [0x85, (m) => m.push([m.pop()])],
      [0x86, (m) => m.push([m.pop(), m.pop()].reverse())],
      [0x87, (m) => m.push([m.pop(), m.pop(), m.pop()].reverse())],
      ["a", (m) => appendAll(m, [m.pop()])],
      ["e", (m) => appendAll(m, m.popToMark())],
      ["s", (m) => setAll(m, [m.pop(), m.pop()].reverse())],
      ["u", (m) => setAll(m, m.popToMark())],
      [0x90, addAll],
      ["p", (m) => m.remember(memoIndex(m.input.line()))],
      ["q", (m) => m.remember(m.input.byte())],
      ["r", (m) => m.remember(m.input.uint32())],
      [0x94, (m) => m.remember(m.memoSize())],
      ["g", (m) => m.recall(memoIndex(m.input.line()))],
      ["h", (m) => m.recall(m.input.byte())],
      ["j", (m) => m.recall(m.input.uint32())],
      ["c", (m) => m.push(resolve(m, m.input.line(), m.input.line()))],
      [0x93, stackGlobal],
      ["i", (m) => m.pushNew(call(m, resolve(m, m.input.line(), m.input.line()), m.popToMark()))],
      ["o", callObject],
      ["R", callTop],
      [0x81, callTop],
      [0x92, callWithKeywords],
      ["b", build],
      ["P", (m) => m.pushNew(persistent(m, m.input.line()))],
      ["Q", (m) => m.pushNew(persistent(m, m.pop()))],
      [0x80, protocol],
      [0x95, (m) => void m.input.length64()],
      // Without out-of-band buffers every buffer is in the stream, and read-only changes nothing.
      [0x98, () => undefined],
    ] as readonly [string | number, Operation][]
  ).map(([code, operation]) => [typeof code === "string" ? code.charCodeAt(0) : code, operation]),
);

function step(machine: Machine, opcode: number): void {
  const operation = OPERATIONS.get(opcode);
  if (!operation) throw new Error(`unknown opcode 0x${opcode.toString(16)}; this is no pickle, or a damaged one`);
  operation(machine);
}

function pushInteger(machine: Machine, value: number | bigint | boolean): void {
  if (typeof value === "bigint") machine.pushNew(value);
  else machine.push(value);
}

function popAny(machine: Machine): void {
  // POP also takes a mark away, which `pop` does not.
  try {
    machine.pop();
  } catch {
    machine.popToMark();
  }
}

function protocol(machine: Machine): void {
  const version = machine.input.byte();
  if (version > 5) throw new Error(`protocol ${version} is newer than 5`);
}

function appendAll(machine: Machine, items: readonly unknown[]): void {
  const list = machine.top();
  if (!Array.isArray(list)) throw new Error("items are appended to something that is no list");
  for (const item of items) list.push(item);
}

function setAll(machine: Machine, items: readonly unknown[]): void {
  const target = machine.top();
  if (!(target instanceof Map)) throw new Error("items are set in something that is no dict");
  setItems(target, items);
}

function setItems(target: Map<unknown, unknown>, items: readonly unknown[]): Map<unknown, unknown> {
  if (items.length % 2 !== 0) throw new Error("a dict has a key without a value");
  for (let i = 0; i < items.length; i += 2) target.set(pickledKey(items[i]), items[i + 1]);
  return target;
}

function addAll(machine: Machine): void {
  const items = machine.popToMark();
  const target = machine.top();
  if (!(target instanceof Set)) throw new Error("items are added to something that is no set");
  for (const item of items) target.add(pickledKey(item));
}

const resolved = new WeakSet<object>();

function resolve(machine: Machine, module: string, name: string): PickleGlobal {
  const found = machine.rules.resolve(module, name);
  if (!found) throw new Error(`refused: it asks for ${module}.${name}, which is not an allowed name`);
  resolved.add(found);
  return found;
}

function stackGlobal(machine: Machine): void {
  const name = machine.pop();
  const module = machine.pop();
  if (typeof name !== "string" || typeof module !== "string") throw new Error("a name is no text");
  machine.push(resolve(machine, module, name));
}

function call(machine: Machine, callee: unknown, args: unknown): unknown {
  if (typeof callee !== "object" || callee === null || !resolved.has(callee)) {
    throw new Error("something is called that is no allowed name");
  }
  const { name, make } = callee as PickleGlobal;
  if (!make) throw new Error(`${name} is called, but is a plain value`);
  if (!Array.isArray(args)) throw new Error(`${name} is called with something that is no tuple`);
  machine.spend(args);
  return make(args);
}

function callTop(machine: Machine): void {
  const args = machine.pop();
  machine.pushNew(call(machine, machine.pop(), args));
}

function callObject(machine: Machine): void {
  const [callee, ...args] = machine.popToMark();
  machine.pushNew(call(machine, callee, args));
}

function callWithKeywords(machine: Machine): void {
  const keywords = machine.pop();
  if (!(keywords instanceof Map) || keywords.size > 0) throw new Error("calls with keyword arguments are not allowed");
  callTop(machine);
}

function build(machine: Machine): void {
  const state = machine.pop();
  const target = machine.top();
  machine.spend(Array.isArray(state) ? state : [state]);
  if (typeof target === "object" && target !== null && SET_STATE in target) {
    (target as Buildable)[SET_STATE](state);
  } else if (!(target instanceof Map)) {
    // Attributes of an OrderedDict (PyTorch keeps `_metadata` there) carry nothing that is needed.
    throw new Error("state is given to something that takes none");
  }
}

function persistent(machine: Machine, id: unknown): unknown {
  if (!machine.rules.persistent) throw new Error("it refers to objects outside the file");
  return machine.rules.persistent(id);
}
