import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FormatError } from "../../../src/errors.ts";
import { PickleCutShort, readPickle } from "../../../src/io/pickle.ts";
import { arrayOf, BUILTIN_GLOBALS, NUMPY_GLOBALS } from "../../../src/io/pickle-numpy.ts";
import type { PickleRules } from "../../../src/io/pickle-rules.ts";
import { shared } from "../../support/shared.ts";

const RULES: PickleRules = {
  resolve: (module, name) => BUILTIN_GLOBALS.get(`${module}.${name}`) ?? NUMPY_GLOBALS.get(`${module}.${name}`),
};
/** The value of a pickle given as letters, one per byte. */
const read = (text: string) => readPickle(Buffer.from(text, "latin1"), "x.pkl", RULES).value;

test("numbers, texts and constants of every protocol", () => {
  expect(read("(I1\nI01\nI00\nL-5L\nF1.5\nFnan\nF-inf\nNt.")).toEqual([
    1,
    true,
    false,
    -5,
    1.5,
    Number.NaN,
    -Infinity,
    null,
  ]);
  expect(read("L1180591620717411303424L\n.")).toBe(2n ** 70n);
  expect(
    read("\x80\x02(K\xffM\x01\x02J\xfe\xff\xff\xffG\x3f\xf8\0\0\0\0\0\0\x88\x89\x8a\x00\x8a\x02\x00\x80t."),
  ).toEqual([255, 513, -2, 1.5, true, false, 0, -32768]);
  expect(read("\x80\x02\x8a\x09\0\0\0\0\0\0\0\0\x01.")).toBe(2n ** 64n);
  expect(read("(S'a\\x41\\n\\101\\'\\q'\nVb\\u00e9\\\\n\nU\x02\xe9zT\x01\0\0\0yt.")).toEqual([
    "aA\nA'\\q",
    "bé\\\\n",
    "éz",
    "y",
  ]);
  expect(read("\x80\x04(X\x02\0\0\0\xc3\xa9\x8c\x01uC\x02\0\xffB\x01\0\0\0\x07t.")).toEqual([
    "é",
    "u",
    Buffer.of(0, 255),
    Buffer.of(7),
  ]);
});

test("containers, marks and the memo", () => {
  expect(read("(lp0\nI1\nag0\na.")).toSatisfy((list: unknown[]) => list[0] === 1 && list[1] === list);
  expect(read("(dS'a'\nI1\nsS'b'\n(I2\nI3\nts.")).toEqual(
    new Map<string, unknown>([
      ["a", 1],
      ["b", [2, 3]],
    ]),
  );
  expect(read("\x80\x02}q\0(U\x01aK\x01U\x01bh\0u0h\0.")).toBeInstanceOf(Map);
  expect(read("\x80\x02]q\x01(K\x01K\x02e.")).toEqual([1, 2]);
  expect(read("\x80\x02K\x01K\x02K\x03\x87K\x04\x85\x86.")).toEqual([[1, 2, 3], [4]]);
  expect(read("\x80\x04\x95\0\0\0\0\0\0\0\0\x8f\x94(K\x01K\x01K\x02\x90.")).toEqual(new Set([1, 2]));
  expect(read("I1\n(I2\n10I3\n2\x86.")).toEqual([3, 3]);
});

test("the names on the list make containers, bytes and arrays", () => {
  expect(read("ccollections\nOrderedDict\n((lp0\n(S'k'\nI7\ntatR.")).toEqual(new Map([["k", 7]]));
  expect(read("c__builtin__\nset\n((lI1\natR.")).toEqual(new Set([1]));
  expect(read("c_codecs\nencode\n(V\xff\nVlatin1\ntR.")).toEqual(Uint8Array.of(255));
  const dtype = (name: string, order: string) =>
    `cnumpy\ndtype\n(S'${name}'\nI0\nI1\ntR(I3\nS'${order}'\nNNNI-1\nI-1\nI0\ntb`;
  const array = read(
    `cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I2\nI2\nt${dtype("i2", ">")}I01\nS'\\0\\1\\0\\3\\0\\2\\0\\4'\ntb.`,
  );
  expect(arrayOf(array)).toEqual({ dtype: "int16", shape: [2, 2], data: Int16Array.of(1, 2, 3, 4) });
  expect(read(`cnumpy.core.multiarray\nscalar\n(${dtype("f4", "<")}S'\\0\\0\\x80\\x3f'\ntR.`)).toBe(1);
});

test("keys that JavaScript hashes without a secret become texts", () => {
  expect(read("(I1\nNF0.5\nNL9007199254740993L\nNI3000000000\nNS'a'\nNd.")).toEqual(
    new Map([1, "0.5", "9007199254740993", "3000000000", "a"].map((key) => [key, null])),
  );
  expect(read("\x80\x04\x8f(G\x3f\xf8\0\0\0\0\0\0K\x02\x90.")).toEqual(new Set(["1.5", 2]));
  expect(read("c__builtin__\nset\n((lF0.5\natR.")).toEqual(new Set(["0.5"]));
});

describe("hostile pickles", () => {
  test.each([
    ["a name that is not on the list", "cposix\nsystem\n(S'touch x'\ntR.", "refused: it asks for posix.system"],
    ["the same by INST", "(S'touch x'\niposix\nsystem\n.", "refused: it asks for posix.system"],
    ["the same by STACK_GLOBAL", "\x80\x04\x8c\x02os\x8c\x06system\x93.", "refused: it asks for os.system"],
    ["a dotted name", "\x80\x04\x8c\x0bcollections\x8c\x14OrderedDict.__init__\x93.", "refused"],
    ["a call of a list", "(l(tR.", "no allowed name"],
    ["a call of an allowed name that is no function", "c__builtin__\nint\n(tR.", "plain value"],
    ["state for a list", "(l(db.", "takes none"],
    ["a persistent id", "Pid\n.", "outside the file"],
    ["extension registry", "\x80\x02\x82\x01.", "unknown opcode 0x82"],
    ["text", "hello", "nothing was remembered"],
    ["protocol 9", "\x80\x09N.", "newer than 5"],
    ["stack underflow", "0.", "a mark is missing"],
    ["pop of a mark", "(a.", "stack is empty"],
    ["no mark", "I1\nt.", "a mark is missing"],
    ["memo", "g5\n.", "nothing was remembered as 5"],
    ["items in no dict", "(lI1\nI2\ns.", "no dict"],
    ["odd dict", "(I1\nd.", "without a value"],
    ["negative length", "T\xff\xff\xff\xff.", "a length of -1"],
    ["huge integer", `L${"9".repeat(2000)}L\n.`, "is no integer"],
    ["no number", "F1;2\n.", "is no number"],
    ["array of objects", "cnumpy\nndarray\n(tR(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\ntRI00\n(lNatb.", "Python objects"],
    [
      "array longer than its data",
      "cnumpy\nndarray\n(tR(I1\n(I99999999\ntcnumpy\ndtype\n(S'f8'\ntRI00\nS'a'\ntb.",
      "needs 799999992 bytes, got 1",
    ],
  ])("%s", (_, text, problem) => {
    expect(() => read(text)).toThrow(FormatError);
    expect(() => read(text)).toThrow(problem);
    expect(() => read(text)).toThrow(/^x\.pkl: /);
  });

  test.each([
    "",
    "(",
    "S'a'",
    "X\xff\xff\xff\x7fa",
    "\x80\x04\x8e\0\0\0\0\0\0\0\x70a",
    "K",
    "\x80\x02\x8b\xff\xff\xff\x7f",
  ])("%j ends too early", (text) => {
    expect(() => read(text)).toThrow(PickleCutShort);
  });

  test("a million levels of nesting need no recursion", () => {
    const text = `${"(".repeat(500_000)}${"t".repeat(500_000)}.`;
    expect(Array.isArray(read(text))).toBe(true);
    expect(() => read("(".repeat(3_000_000))).toThrow("more than");
  });

  test("dicts and calls are counted, because each takes far more memory than its byte", () => {
    expect(() => read("}0".repeat(260_000))).toThrow("more than 250000 dicts, sets and calls");
    expect(() => read("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f0".repeat(260_000))).toThrow("more than 250000");
    expect(() => read("c__builtin__\ndict\np0\n0".concat("g0\n)R0".repeat(260_000)))).toThrow("more than 250000");
  });

  test("lists that hold each other twice are not unfolded into a message", () => {
    const doubled = `(lp0\n0${"(lp1\n0g1\ng0\nag0\na0g1\np0\n0".repeat(60)}`;
    expect(() => read(`${doubled}c_codecs\nencode\n(V\xff\ng0\ntR.`)).toThrow(
      'expected the encoding "latin1", got no text',
    );
  });

  test("one long list is not copied again and again", () => {
    const list = `(${"N".repeat(100_000)}lp0\n0`;
    const copies = "c__builtin__\nlist\n(g0\ntR0".repeat(2000);
    expect(() => read(`${list}${copies}N.`)).toThrow("copies far more than it holds");
  });
});

const hostile = shared("golden/smpl/hostile");
test.skipIf(!hostile)("the reference's hostile pickles end in a FormatError, or read as data", () => {
  for (const name of readdirSync(hostile!).filter((file) => file.endsWith(".pkl"))) {
    try {
      readPickle(readFileSync(join(hostile!, name)), name, RULES);
    } catch (error) {
      expect(error, name).toBeInstanceOf(FormatError);
    }
  }
});
