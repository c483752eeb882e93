/** @file Pickles as Python 2 wrote them: NumPy's arrays with byte strings, objects with attributes, SMPL's own mixture. */
import {
  type Pickled,
  pickleBuild,
  pickleCall,
  pickleDict,
  pickleGlobal,
  pickleTuple,
  pickleValue,
} from "../../src/io/pickle-write.ts";

/** A tuple of whole numbers. */
export function numberTuple(values: readonly number[]): Pickled {
  return pickleTuple(values.map(pickleValue));
}

/** A dict with text keys. */
export function textDict(entries: Readonly<Record<string, Pickled>>): Pickled {
  return pickleDict(Object.entries(entries).map(([key, value]) => [pickleValue(key), value] as const));
}

/** An array of float64 or int32 numbers, its data a byte string. */
export function numpyArray(data: Float64Array | Int32Array, shape: readonly number[], fortran = false): Pickled {
  const type = data instanceof Int32Array ? "i4" : "f8";
  const dtype = pickleBuild(
    pickleCall(pickleGlobal("numpy", "dtype"), [pickleValue(type), pickleValue(0), pickleValue(1)]),
    pickleTuple([3, "<", null, null, null, -1, -1, 0].map(pickleValue)),
  );
  const empty = pickleCall(pickleGlobal("numpy.core.multiarray", "_reconstruct"), [
    pickleGlobal("numpy", "ndarray"),
    numberTuple([0]),
    pickleValue("b"),
  ]);
  const bytes = byteString(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return pickleBuild(empty, pickleTuple([pickleValue(1), numberTuple(shape), dtype, pickleValue(fortran), bytes]));
}

/** An object of a class with these attributes. */
export function pythonObject(module: string, name: string, state: Readonly<Record<string, Pickled>>): Pickled {
  return pickleBuild(Buffer.concat([pickleGlobal(module, name), pickleTuple([]), Buffer.of(0x81)]), textDict(state));
}

function byteString(bytes: Uint8Array): Pickled {
  const head = Buffer.alloc(5, "T");
  head.writeInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const JOINTS = 24;

/** The parts of a body of `vertexCount` vertices in SMPL's layout, as its published pickles hold them: 2 betas. */
export function smplPickle(vertexCount: number): Readonly<Record<string, Pickled>> {
  const V = vertexCount;
  const wave = (count: number, step: number) => Float64Array.from({ length: count }, (_, i) => Math.sin(1 + step * i));
  const counts = (count: number) => Int32Array.from({ length: count }, (_, i) => i);
  const tree = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21];
  const chumpy = (x: Pickled) => pythonObject("chumpy.ch", "Ch", { x, _dirty_vars: numberTuple([]) });
  return {
    v_template: chumpy(numpyArray(wave(3 * V, 0.7), [V, 3])),
    shapedirs: pythonObject("chumpy.reordering", "Select", {
      a: chumpy(numpyArray(wave(6 * V, 0.3), [V, 3, 2])),
      idxs: numpyArray(counts(6 * V), [6 * V]),
      preferred_shape: numberTuple([V, 3, 2]),
    }),
    posedirs: numpyArray(wave(621 * V, 0.1), [V, 3, 207]),
    // Every joint is the first vertex.
    J_regressor: pythonObject("scipy.sparse.csc", "csc_matrix", {
      _shape: numberTuple([JOINTS, V]),
      indptr: numpyArray(
        Int32Array.from({ length: V + 1 }, (_, i) => (i > 0 ? JOINTS : 0)),
        [V + 1],
      ),
      indices: numpyArray(counts(JOINTS), [JOINTS]),
      data: numpyArray(new Float64Array(JOINTS).fill(1), [JOINTS]),
    }),
    weights: numpyArray(new Float64Array(V * JOINTS).fill(1 / JOINTS), [V, JOINTS], true),
    kintree_table: numpyArray(Int32Array.from([...tree, ...tree.keys()]), [2, JOINTS]),
    f: numpyArray(Int32Array.from([0, 1, 2]), [1, 3]),
    bs_type: pickleValue("lrotmin"),
  };
}
