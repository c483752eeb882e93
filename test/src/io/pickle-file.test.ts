/** @file Pickled dicts of arrays: chumpy's and SciPy's objects written opcode by opcode, and what is refused. */
import { describe, expect, test } from "vitest";
import { numberTuple, numpyArray, pythonObject, textDict } from "../../../scripts/fuzz/python-pickle.ts";
import { readPickledArrays } from "../../../src/io/pickle-file.ts";
import {
  formatPickle,
  type Pickled,
  pickleBuild,
  pickleCall,
  pickleGlobal,
  pickleTuple,
  pickleValue,
} from "../../../src/io/pickle-write.ts";
import { failure } from "../../support/files.ts";

const six = Float64Array.of(1, 2, 3, 4, 5, 6);
const chumpy = (x: Pickled) => pythonObject("chumpy.ch", "Ch", { x });
const select = (state: Record<string, Pickled>) => pythonObject("chumpy.reordering", "Select", state);
const csc = (state: Record<string, Pickled>) =>
  pythonObject("scipy.sparse.csc", "csc_matrix", {
    _shape: numberTuple([2, 3]),
    indptr: numpyArray(Int32Array.of(0, 2, 2, 4), [4]),
    indices: numpyArray(Int32Array.of(0, 1, 1, 1), [4]),
    data: numpyArray(Float64Array.of(10, 20, 3, 4), [4]),
    ...state,
  });
const read = async (entry: Pickled, keys?: readonly string[]) =>
  (await readPickledArrays(formatPickle(textDict({ a: entry })), { name: "x.pkl", ...(keys ? { keys } : {}) })).get(
    "a",
  );

test.each<[string, Pickled, number[], number[]]>([
  ["an array in Fortran order", numpyArray(six, [2, 3], true), [2, 3], [1, 3, 5, 2, 4, 6]],
  ["chumpy's Ch", chumpy(numpyArray(six, [3, 2])), [3, 2], [1, 2, 3, 4, 5, 6]],
  [
    "chumpy's Select, which takes from the end too",
    select({
      a: chumpy(numpyArray(six, [2, 3])),
      idxs: numpyArray(Int32Array.of(4, 0, -1, 1), [4]),
      preferred_shape: numberTuple([2, 2]),
    }),
    [2, 2],
    [5, 1, 6, 2],
  ],
  ["Select without a shape", select({ a: numpyArray(six, [6]), idxs: numpyArray(Int32Array.of(2), [1]) }), [1], [3]],
  [
    "chumpy's Reshape",
    pythonObject("chumpy.reordering", "Reshape", { a: chumpy(numpyArray(six, [6])), newshape: numberTuple([3, -1]) }),
    [3, 2],
    [1, 2, 3, 4, 5, 6],
  ],
  // Column 0 holds 10 and 20, column 1 nothing, column 2 twice row 1.
  ["a CSC matrix, repeated entries added", csc({}), [2, 3], [10, 0, 0, 20, 0, 7]],
  [
    "a CSR matrix of a newer SciPy",
    pythonObject("scipy.sparse._csr", "csr_matrix", {
      _shape: numberTuple([2, 3]),
      indptr: numpyArray(Int32Array.of(0, 1, 3), [3]),
      indices: numpyArray(Int32Array.of(2, 0, 1), [3]),
      data: numpyArray(Float64Array.of(7, 8, 9), [3]),
    }),
    [2, 3],
    [0, 0, 7, 8, 9, 0],
  ],
  [
    "a COO matrix",
    pythonObject("scipy.sparse.coo", "coo_matrix", {
      _shape: numberTuple([2, 2]),
      row: numpyArray(Int32Array.of(1, 1), [2]),
      col: numpyArray(Int32Array.of(0, 0), [2]),
      data: numpyArray(Float64Array.of(1, 2), [2]),
    }),
    [2, 2],
    [0, 0, 3, 0],
  ],
])("%s", async (_, entry, shape, expected) => {
  const got = await read(entry, ["a"]);
  expect([got?.dtype, got?.shape, [...got!.data]]).toEqual(["float64", shape, expected]);
});

test("what is no array is left out of a listing, and refused where it was asked for", async () => {
  const file = formatPickle(textDict({ bs_type: pickleValue("lrotmin"), a: numpyArray(six, [6]), b: csc({}) }));
  expect([...(await readPickledArrays(file)).keys()]).toEqual(["a", "b"]);
  expect([...(await readPickledArrays(file, { keys: ["b", "z"] })).keys()]).toEqual(["b"]);
  expect(await failure(readPickledArrays(file, { keys: ["bs_type"], name: "x.pkl" }))).toMatch(
    /^FormatError: x\.pkl: bs_type: expected an array/,
  );
});

test("objects of protocol 0, made by copy_reg", async () => {
  const made = pickleCall(pickleGlobal("copy_reg", "_reconstructor"), [
    pickleGlobal("chumpy.ch", "Ch"),
    pickleGlobal("__builtin__", "object"),
    pickleValue(null),
  ]);
  const got = await read(pickleBuild(made, textDict({ x: numpyArray(six, [6]) })), ["a"]);
  expect([...got!.data]).toEqual([...six]);
});

describe("broken and hostile pickles", () => {
  test.each<[string, Pickled, RegExp]>([
    [
      "a name of chumpy that is not on the list",
      pythonObject("chumpy.ch", "os", {}),
      /refused: it asks for chumpy\.ch\.os/,
    ],
    ["a dotted name", pythonObject("chumpy.ch", "Ch.__init__", {}), /refused: it asks for chumpy\.ch\.Ch\.__init__/],
    ["NumPy's loader", pythonObject("numpy", "load", {}), /refused: it asks for numpy\.load/],
    ["a name with an escape sequence", pickleGlobal("a\x1b[2J", "b"), /asks for a\\u001b\[2J\.b/],
    ["a Ch that holds itself", chumpy(pickleValue(1)), /chumpy\.ch\.Ch has no array "x"/],
    ["an expression", pythonObject("chumpy.ch_ops", "add", {}), /a: a chumpy\.ch_ops\.add cannot be computed/],
    [
      "an index past the end",
      select({ a: numpyArray(six, [6]), idxs: numpyArray(Int32Array.of(6), [1]) }),
      /index 6 is outside of an array of 6/,
    ],
    [
      "an index before the start",
      select({ a: numpyArray(six, [6]), idxs: numpyArray(Int32Array.of(-7), [1]) }),
      /index -7 is outside/,
    ],
    [
      "a fractional index",
      select({ a: numpyArray(six, [6]), idxs: numpyArray(Float64Array.of(0.5), [1]) }),
      /expected whole numbers, got 0\.5/,
    ],
    [
      "a shape that does not fit",
      select({
        a: numpyArray(six, [6]),
        idxs: numpyArray(Int32Array.of(1), [1]),
        preferred_shape: numberTuple([2, 2]),
      }),
      /1 elements cannot take the shape \[2, 2\]/,
    ],
    [
      "a huge sparse matrix",
      csc({ _shape: numberTuple([2 ** 31, 2 ** 31]) }),
      /sparse matrix of up to 4194304 elements/,
    ],
    ["no columns for its indptr", csc({ _shape: numberTuple([2, 4]) }), /indptr that does not fit/],
    [
      "an indptr that turns back",
      csc({ indptr: numpyArray(Int32Array.of(0, 3, 2, 4), [4]) }),
      /indptr that does not fit/,
    ],
    [
      "an indptr past the data",
      csc({ indptr: numpyArray(Int32Array.of(0, 2, 2, 9), [4]) }),
      /indptr that does not fit/,
    ],
    ["a negative indptr", csc({ indptr: numpyArray(Int32Array.of(-1, 2, 2, 4), [4]) }), /indptr that does not fit/],
    ["a row past the end", csc({ indices: numpyArray(Int32Array.of(0, 2, 1, 1), [4]) }), /row index 2 of 2/],
    [
      "a state that is no dict",
      pickleBuild(Buffer.concat([pickleGlobal("chumpy.ch", "Ch"), pickleTuple([]), Buffer.of(0x81)]), numberTuple([1])),
      /state that is no dict/,
    ],
  ])("%s", async (_, entry, message) => {
    const text = await failure(read(entry, ["a"]));
    expect(text).toMatch(/^FormatError: x\.pkl: /);
    expect(text).toMatch(message);
  });

  test("arrays made of arrays end at some depth", async () => {
    let nested = numpyArray(six, [6]);
    for (let i = 0; i < 8; i++) nested = chumpy(nested);
    expect([...(await read(nested, ["a"]))!.data]).toEqual([...six]);
    expect(await failure(read(chumpy(nested), ["a"]))).toMatch(/nested more than 8 deep/);
  });

  test("many records may not make large arrays of a small one", async () => {
    const large = csc({ _shape: numberTuple([2 ** 21, 2]), indptr: numpyArray(Int32Array.of(0, 0, 0), [3]) });
    const remembered = Buffer.concat([large, Buffer.from("r\xff\0\0\0", "latin1")]);
    const again = Buffer.from("j\xff\0\0\0", "latin1");
    const entries = { a: remembered, b: again, c: again };
    const file = formatPickle(textDict(entries));
    expect([...(await readPickledArrays(file)).keys()]).toEqual(["a", "b"]);
    expect(await failure(readPickledArrays(file, { keys: ["a", "b", "c"] }))).toMatch(
      /c: its arrays need far more memory/,
    );
  });

  test("a shape cannot be changed after it was checked", async () => {
    const shape = Buffer.concat([Buffer.from("]"), Buffer.of(0x94), Buffer.from("(K\x06e")]);
    // The list of the shape is remembered, used, fetched again and appended to.
    const entry = numpyArray(six, [6]);
    const at = entry.indexOf(numberTuple([6]));
    const swapped = Buffer.concat([entry.subarray(0, at), shape, entry.subarray(at + numberTuple([6]).length)]);
    const later = Buffer.concat([swapped, Buffer.from("h\0J\xff\xff\xff\x7fa0", "latin1")]);
    expect((await read(later, ["a"]))!.shape).toEqual([6]);
  });

  test("no dict", async () => {
    expect(await failure(readPickledArrays(formatPickle(numberTuple([1])), { name: "x.pkl" }))).toMatch(/got no dict/);
  });
});
