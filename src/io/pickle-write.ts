/**
 * @file Pickles written (protocol 2), opcode by opcode: the few kinds of values that PyTorch's files need, in the opcodes
 * that its weights-only reader takes. Every function returns the bytes of one value; `formatPickle` makes a file of it.
 */

/** The bytes that push one value. */
export type Pickled = Buffer;

/** A whole pickle of one value. */
export function formatPickle(value: Pickled): Buffer {
  return Buffer.concat([Buffer.of(0x80, 2), value, op(".")]);
}

/** None, a bool, a whole number of any size, or a text. Fractions are left out: PyTorch 1.13 does not take their opcode. */
export function pickleValue(value: null | boolean | number | bigint | string): Pickled {
  if (value === null) return op("N");
  if (typeof value === "boolean") return Buffer.of(value ? 0x88 : 0x89);
  if (typeof value === "string") return pickleText(value);
  return pickleInteger(BigInt(value));
}

/** A class or function by its names. */
export function pickleGlobal(module: string, name: string): Pickled {
  return op(`c${module}\n${name}\n`);
}

/** A tuple. */
export function pickleTuple(items: readonly Pickled[]): Pickled {
  return items.length === 0 ? op(")") : Buffer.concat([op("("), ...items, op("t")]);
}

/** A list. */
export function pickleList(items: readonly Pickled[]): Pickled {
  return items.length === 0 ? op("]") : Buffer.concat([op("]("), ...items, op("e")]);
}

/** What `callee` returns for these arguments. */
export function pickleCall(callee: Pickled, args: readonly Pickled[]): Pickled {
  return Buffer.concat([callee, pickleTuple(args), op("R")]);
}

/** The dict `empty` (by default Python's own) with entries added. */
export function pickleDict(entries: Iterable<readonly [Pickled, Pickled]>, empty: Pickled = op("}")): Pickled {
  const flat = [...entries].flat();
  return flat.length === 0 ? empty : Buffer.concat([empty, op("("), ...flat, op("u")]);
}

/** An empty collections.OrderedDict. */
export function pickleOrderedDict(): Pickled {
  return pickleCall(pickleGlobal("collections", "OrderedDict"), []);
}

/** The object outside of the pickle that `id` means. */
export function picklePersistent(id: Pickled): Pickled {
  return Buffer.concat([id, op("Q")]);
}

/** An object given its state. */
export function pickleBuild(object: Pickled, state: Pickled): Pickled {
  return Buffer.concat([object, state, op("b")]);
}

function pickleText(text: string): Pickled {
  const bytes = Buffer.from(text, "utf8");
  const head = Buffer.alloc(5, "X");
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function pickleInteger(value: bigint): Pickled {
  if (value >= -(2n ** 31n) && value < 2n ** 31n) {
    const bytes = Buffer.alloc(5, "J");
    bytes.writeInt32LE(Number(value), 1);
    return bytes;
  }
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  const digits = BigInt.asUintN(8 * length, value)
    .toString(16)
    .padStart(2 * length, "0");
  return Buffer.concat([Buffer.of(0x8a, length), Buffer.from(digits, "hex").reverse()]);
}

function op(text: string): Buffer {
  return Buffer.from(text, "latin1");
}
