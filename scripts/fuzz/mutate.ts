/** @file Damage to files: of any bytes, and such as a parser of that kind of file meets further inside. */
import type { Random } from "../../src/random.ts";
import { mutateZip } from "./mutate-zip.ts";
import type { Seed } from "./seeds.ts";

/** No damaged file is larger, so that what readers allocate can be held against a fixed bound. */
export const MAX_BYTES = 256 * 1024;

/** A damaged copy of a seed: one to four changes. The same random stream gives the same bytes. */
export function mutate(seed: Seed, seeds: readonly Seed[], random: Random): Buffer {
  let bytes = seed.bytes;
  const changes = 1 + random.integer(4);
  if (seed.members && random.next() < 0.6) {
    bytes = mutateZip(seed.members, random, (member, name) => {
      const kind = name.endsWith(".pkl") ? "pkl" : "npy";
      return damage(member, kind, seeds, changes, random);
    });
    if (random.next() < 0.7) return bytes.subarray(0, MAX_BYTES);
  }
  return damage(bytes, seed.kind, seeds, changes, random);
}

function damage(bytes: Buffer, kind: string, seeds: readonly Seed[], changes: number, random: Random): Buffer {
  let out = bytes;
  for (let i = 0; i < changes; i++) {
    const own = OWN[kind];
    const change = own && random.next() < 0.5 ? random.pick(own) : random.pick(ANY);
    out = change(out, random, seeds).subarray(0, MAX_BYTES);
  }
  return out;
}

type Change = (bytes: Buffer, random: Random, seeds: readonly Seed[]) => Buffer;

const WORDS = [0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe];
const LONG_WORDS = [0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

const place = (bytes: Buffer, random: Random, room = 0) => random.integer(Math.max(1, bytes.length - room + 1));
const insert = (bytes: Buffer, at: number, piece: Uint8Array) =>
  Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
const cut = (bytes: Buffer, random: Random): readonly [number, number] => {
  const from = place(bytes, random);
  return [from, Math.min(bytes.length, from + 1 + random.integer(random.pick([4, 64, 4096])))];
};
const randomBytes = (random: Random, count: number) =>
  Buffer.from(Array.from({ length: count }, () => random.integer(256)));
const overwrite = (bytes: Buffer, at: number, piece: Uint8Array) => {
  const copy = Buffer.from(bytes);
  copy.set(piece.subarray(0, Math.max(0, copy.length - at)), at);
  return copy;
};

const ANY: readonly Change[] = [
  (bytes, random) => overwrite(bytes, place(bytes, random, 1), Buffer.of(random.integer(256))),
  (bytes, random) => {
    const at = place(bytes, random, 1);
    return overwrite(bytes, at, Buffer.of((bytes[at] ?? 0) ^ (1 << random.integer(8))));
  },
  (bytes, random) => {
    const word = Buffer.alloc(4);
    if (random.next() < 0.8) word.writeUInt32LE(random.pick(WORDS));
    else word.writeUInt32BE(random.pick(WORDS));
    return overwrite(bytes, place(bytes, random, 4), word.subarray(0, random.pick([1, 2, 4])));
  },
  (bytes, random) => {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(random.pick(LONG_WORDS));
    return overwrite(bytes, place(bytes, random, 8), word);
  },
  (bytes, random) => {
    const [from, to] = cut(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = cut(bytes, random);
    return insert(bytes, place(bytes, random), bytes.subarray(from, to));
  },
  (bytes, random) => {
    const [from, to] = cut(bytes, random);
    const piece = bytes.subarray(from, Math.min(to, from + 64));
    return insert(bytes, from, Buffer.concat(Array.from({ length: 2 ** random.integer(11) }, () => piece)));
  },
  (bytes, random) => {
    const [from, to] = cut(bytes, random);
    return overwrite(bytes, from, Buffer.alloc(to - from, random.pick([0, 0xff, 0x20])));
  },
  (bytes, random) => insert(bytes, place(bytes, random), randomBytes(random, 1 + random.integer(16))),
  (bytes, random) => bytes.subarray(0, place(bytes, random)),
  (bytes, random, seeds) => {
    const other = random.pick(seeds).bytes;
    const [from, to] = cut(other, random);
    return insert(bytes, place(bytes, random), other.subarray(from, to));
  },
  (bytes, random, seeds) => Buffer.concat([bytes.subarray(0, place(bytes, random)), random.pick(seeds).bytes]),
];

/** Opcodes with what follows them, in one letter per byte. */
const OPCODES = [
  ..."(.012NFl]t)}dseaubRoiQ",
  ...["\x85", "\x86", "\x87", "\x88", "\x89", "\x8f", "\x90", "\x91", "\x92", "\x93", "\x94", "\x81", "\x97", "\x98"],
  ...["h\0", "h\x01", "h\x05", "q\0", "q\x05", "j\x07\0\0\0", "r\xff\xff\xff\xff", "g1\n", "p9\n", "g-1\n"],
  ...[
    "K\xff",
    "M\xff\xff",
    "J\xff\xff\xff\xff",
    "J\xff\xff\xff\x7f",
    "\x8a\x00",
    "\x8a\x09\0\0\0\0\0\0\0\0\x01",
    "\x8b\xff\xff\xff\x7f",
  ],
  ...[
    "G\x7f\xf0\0\0\0\0\0\0",
    "F1e999\n",
    "Fnan\n",
    `I${"9".repeat(300)}\n`,
    "L0L\n",
    "I01\n",
    "S'a\\x00'\n",
    "Vé\\u0041\n",
  ],
  ...[
    "U\x03abc",
    "T\xff\xff\xff\xff",
    "T\xff\xff\xff\x7f",
    "X\x02\0\0\0\xff\xfe",
    "\x8c\x01a",
    "\x8e\0\0\0\0\0\0\0\x80",
    "C\x02ab",
    "\x96\x01\0\0\0\0\0\0\0a",
  ],
  ...[
    "cos\nsystem\n",
    "cposix\nsystem\n(S'touch fuzzed'\ntR",
    "c__builtin__\neval\n",
    "cchumpy.ch\nCh\n",
    "cchumpy.ch_ops\nadd\n)\x81",
  ],
  ...[
    "cnumpy\nndarray\n",
    "cnumpy\ndtype\n",
    "c_codecs\nencode\n",
    "ccollections\nOrderedDict\n)R",
    "c__builtin__\nset\n",
    "c__builtin__\nbytearray\n",
  ],
  ...[
    "ctorch\nFloatStorage\n",
    "ctorch\nSize\n",
    "ctorch\ndevice\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch._tensor\n_rebuild_from_type_v2\n",
  ],
  ...[
    "cscipy.sparse.csc\ncsc_matrix\n)\x81",
    "ccopy_reg\n_reconstructor\n",
    "cpathlib\nPosixPath\n",
    "cnumpy.core.multiarray\nscalar\n",
    "Pid\n",
  ],
  ...[
    "(lp0\n0(lp1\n0g1\ng0\nag0\na0g1\np0\n0",
    "\x80\x05",
    "\x80\x7f",
    "\x95\xff\xff\xff\xff\xff\xff\xff\xff",
    "\x82\x01",
  ],
].map((text) => Buffer.from(text, "latin1"));

const PICKLE: readonly Change[] = [
  (bytes, random) => insert(bytes, place(bytes, random), random.pick(OPCODES)),
  (bytes, random) => overwrite(bytes, place(bytes, random), random.pick(OPCODES)),
  (bytes, random) => {
    const some = Array.from({ length: 1 + random.integer(8) }, () => random.pick(OPCODES));
    return insert(bytes, place(bytes, random), Buffer.concat(some));
  },
  (bytes, random) => {
    const some = Buffer.concat(Array.from({ length: 1 + random.integer(3) }, () => random.pick(OPCODES)));
    const many = Buffer.concat(Array.from({ length: 2 ** random.integer(12) }, () => some));
    return insert(bytes, random.next() < 0.5 ? 2 : place(bytes, random), many);
  },
  // A small integer, such as a size, a stride or a count, becomes another one.
  (bytes, random) => {
    const at = bytes.indexOf(random.pick(["K", "M", "J"]), place(bytes, random));
    const values = [
      "J\xff\xff\xff\xff",
      "J\0\0\0\x80",
      "J\xff\xff\xff\x7f",
      "\x8a\x08\0\0\0\0\0\0\x20\0",
      "N",
      ")",
      "U\x01a",
      "K\x07",
    ];
    return at < 0
      ? bytes
      : Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(random.pick(values), "latin1"),
          bytes.subarray(at + { K: 2, M: 3, J: 5 }[String.fromCharCode(bytes[at]!)]!),
        ]);
  },
];

const NUMBERS = [
  "-1",
  "0",
  "1e999",
  "-1e999",
  "1e308",
  "0.5",
  "NaN",
  "null",
  "true",
  '"x"',
  "[]",
  "{}",
  "9".repeat(400),
  "2147483648",
  "9007199254740993",
  "-0",
];
const MARKS = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  "\\",
  "\0",
  "\x1b[2J",
  "\ufeff",
  "\n",
  "é",
  "\ud800",
  "//",
  '"__proto__":1,',
  '"a":1,"a":2,',
];

const TEXT: readonly Change[] = [
  (bytes, random) => {
    const text = bytes.toString("latin1");
    const numbers = [...text.matchAll(/-?\d+(\.\d+)?/g)];
    if (numbers.length === 0) return bytes;
    const { 0: old, index } = random.pick(numbers);
    return Buffer.from(text.slice(0, index) + random.pick(NUMBERS) + text.slice(index + old.length), "latin1");
  },
  (bytes, random) => insert(bytes, place(bytes, random), Buffer.from(random.pick(MARKS))),
  (bytes, random) => {
    const depth = 2 ** random.integer(17);
    const [open, close] = random.pick([
      ["[", "]"],
      ['{"a":', "}"],
      ["JOINT a { OFFSET 0 0 0 CHANNELS 0 ", "}"],
    ] as const);
    const nested = `${open.repeat(depth)}1${close.repeat(depth)}`;
    const text = bytes.toString("latin1");
    const numbers = [...text.matchAll(/-?\d+(\.\d+)?/g)];
    const { 0: old, index } = numbers.length > 0 ? random.pick(numbers) : { 0: "", index: place(bytes, random) };
    return Buffer.from(text.slice(0, index) + nested + text.slice(index + old.length), "latin1");
  },
  (bytes, random) => {
    const words = bytes.toString("latin1").split(/(\s+|,)/);
    const [a, b] = [random.integer(words.length), random.integer(words.length)];
    [words[a], words[b]] = [words[b]!, words[a]!];
    return Buffer.from(words.join(""), "latin1");
  },
];

/** The change to the JSON header, with the right length before it. */
const HEADER: Change = (bytes, random, seeds) => {
  if (bytes.length < 8) return bytes;
  const length = Math.min(Number(bytes.readBigUInt64LE()), bytes.length - 8);
  const header = random.pick(TEXT)(Buffer.from(bytes.subarray(8, 8 + length)), random, seeds);
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([head, header, bytes.subarray(8 + length)]);
};
const NPY_TEXT: Change = (bytes, random, seeds) => {
  const end = bytes.indexOf(10, 10);
  if (end < 10) return bytes;
  const header = random
    .pick(TEXT)(Buffer.from(bytes.subarray(10, end)), random, seeds)
    .subarray(0, end - 10);
  return overwrite(bytes, 10, Buffer.concat([header, Buffer.alloc(end - 10 - header.length, 32)]));
};

const OWN: Readonly<Record<string, readonly Change[]>> = {
  pkl: PICKLE,
  pth: PICKLE,
  npy: [NPY_TEXT],
  safetensors: [HEADER],
  bvh: TEXT,
  json: TEXT,
  "tracks.json": TEXT,
};
