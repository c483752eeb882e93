/** @file The good files that the fuzz run damages: one or more of every kind, made by our own writers. */
import { formatFlo } from "../../flow/flo-file.ts";
import { flowFieldFrom } from "../../flow/flow-field.ts";
import { formatBvh } from "../../src/io/bvh.ts";
import { floatsToHalf } from "../../src/io/half.ts";
import { bytesOf, type HostTensor } from "../../src/io/host-tensor.ts";
import { formatNpy, type NpyArray } from "../../src/io/npy.ts";
import {
  formatPickle,
  type Pickled,
  pickleCall,
  pickleGlobal,
  pickleList,
  pickleOrderedDict,
  picklePersistent,
  pickleTuple,
  pickleValue,
} from "../../src/io/pickle-write.ts";
import { formatPyTorch } from "../../src/io/pytorch-write.ts";
import { formatSafetensors } from "../../src/io/safetensors.ts";
import type { ZipInput } from "../../src/io/zip-write.ts";
import { readZipInputs, zipBytes } from "./mutate-zip.ts";
import { numberTuple, numpyArray, smplPickle, textDict } from "./python-pickle.ts";

/** What a file claims to be, by its ending. */
export type SeedKind = "pkl" | "pth" | "npz" | "npy" | "safetensors" | "flo" | "bvh" | "tracks.json" | "json";

/** A good file. */
export interface Seed {
  readonly kind: SeedKind;
  readonly bytes: Buffer;
  /** The members of a zip archive, so that one can be damaged inside, with a good checksum around it. */
  readonly members?: readonly ZipInput[];
}

const floats = Float32Array.from({ length: 12 }, (_, i) => Math.sin(i));
const TENSORS: ReadonlyMap<string, HostTensor> = new Map<string, HostTensor>([
  ["module.conv1.weight", { dtype: "float32", shape: [2, 3, 2], data: floats }],
  ["module.tied", { dtype: "float32", shape: [12], data: floats }],
  ["half", { dtype: "float16", shape: [4, 3], data: floatsToHalf(floats) }],
  ["num_batches_tracked", { dtype: "int64", shape: [], data: BigInt64Array.of(5n) }],
  ["flags", { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) }],
]);
const ARRAYS: Readonly<Record<string, NpyArray>> = {
  poses: { dtype: "float32", shape: [4, 3], data: floats },
  imgname: { dtype: "string", shape: [2], data: ["a.png", "bä.png"] },
  center: { dtype: "float64", shape: [2, 2], data: Float64Array.of(1, 2, 3, 4) },
  count: { dtype: "int64", shape: [], data: BigInt64Array.of(5n) },
};

/** All good files. */
export function seedFiles(): readonly Seed[] {
  return [...pickleSeeds(), ...zipSeeds(), ...otherSeeds(), ...textSeeds()];
}

function pickleSeeds(): Seed[] {
  const protocol0 =
    "(dp0\nS'v_template'\np1\ncnumpy.core.multiarray\n_reconstruct\np2\n(cnumpy\nndarray\np3\n(I0\ntp4\nS'b'\np5\ntp6\nRp7\n(I1\n(I2\ntp8\ncnumpy\ndtype\np9\n(S'f4'\nI0\nI1\ntRp10\n(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS'\\x00\\x00\\x80?abcd'\ntbsS'epoch'\nL12345678901234567890L\nsS'lr'\nF0.5\ns.";
  const protocol4 =
    "\x80\x04\x95\x40\0\0\0\0\0\0\0}\x94(\x8c\x01a\x94\x8c\x15numpy.core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\0\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x02\x85\x94h\x05\x8c\x05dtype\x94\x93\x94\x8c\x02i2\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0t\x94b\x89C\x04\x01\0\x02\0\x94t\x94b\x8c\x01s\x94\x8f\x94(K\x01K\x02\x90u.";
  return [
    formatPickle(textDict(smplPickle(3))),
    Buffer.from(protocol0, "latin1"),
    Buffer.from(protocol4, "latin1"),
  ].map((bytes) => ({ kind: "pkl", bytes }));
}

function zipSeeds(): Seed[] {
  const body: Record<string, NpyArray> = {
    v_template: { dtype: "float32", shape: [1, 3], data: new Float32Array(3) },
    shapedirs: { dtype: "float32", shape: [1, 3, 1], data: new Float32Array(3) },
    posedirs: { dtype: "float32", shape: [1, 3, 207], data: new Float32Array(621) },
    J_regressor: { dtype: "float32", shape: [24, 1], data: new Float32Array(24).fill(1) },
    weights: { dtype: "float32", shape: [1, 24], data: new Float32Array(24).fill(1 / 24) },
    kintree_table: {
      dtype: "int64",
      shape: [2, 24],
      data: BigInt64Array.from({ length: 48 }, (_, i) => BigInt((i % 24) - 1)),
    },
    f: { dtype: "uint32", shape: [1, 3], data: new Uint32Array(3) },
  };
  const npz = (arrays: Readonly<Record<string, NpyArray>>, compress: boolean): ZipInput[] =>
    Object.entries(arrays).map(([key, array]) => ({ name: `${key}.npy`, data: formatNpy(array), compress }));
  const zips: readonly (readonly [SeedKind, readonly ZipInput[]])[] = [
    ["npz", npz(ARRAYS, false)],
    ["npz", npz(body, true)],
    ["pth", readZipInputs(formatPyTorch(TENSORS, { under: ["model"], beside: { epoch: 3, name: "x" } }))],
    ["pth", readZipInputs(formatPyTorch(TENSORS))],
  ];
  return [
    ...zips.map(([kind, members]) => ({ kind, members, bytes: zipBytes(members) })),
    { kind: "pth", bytes: legacyCheckpoint() },
  ];
}

/** A checkpoint in the container that PyTorch wrote before 1.6: two views of one storage, and NumPy's arrays beside. */
function legacyCheckpoint(): Buffer {
  const storage = picklePersistent(
    pickleTuple([
      pickleValue("storage"),
      pickleGlobal("torch", "FloatStorage"),
      pickleValue("94251"),
      pickleValue("cuda:0"),
      pickleValue(12),
      pickleValue(null),
    ]),
  );
  const tensor = (offset: number, shape: readonly number[], strides: readonly number[]): Pickled =>
    pickleCall(pickleGlobal("torch._utils", "_rebuild_tensor_v2"), [
      storage,
      pickleValue(offset),
      numberTuple(shape),
      numberTuple(strides),
      pickleValue(false),
      pickleOrderedDict(),
    ]);
  const root = textDict({
    state_dict: textDict({ "module.a": tensor(0, [3, 4], [4, 1]), "module.t": tensor(1, [2, 2], [1, 4]) }),
    perm: pickleList([1, 2, 3].map(pickleValue)),
    mean: numpyArray(Float64Array.of(1, 2), [2]),
  });
  const system = textDict({ little_endian: pickleValue(true), protocol_version: pickleValue(1001) });
  const count = Buffer.alloc(8);
  count.writeBigInt64LE(12n);
  const pickles = [
    pickleValue(0x1950a86a20f9469cfc6cn),
    pickleValue(1001),
    system,
    root,
    pickleList([pickleValue("94251")]),
  ];
  return Buffer.concat([...pickles.map(formatPickle), count, bytesOf(floats)]);
}

function otherSeeds(): Seed[] {
  const metadata = { format: "motioncue-regressor", options: JSON.stringify({ steps: 3, lr: 0.5 }) };
  return [
    { kind: "safetensors", bytes: Buffer.concat(formatSafetensors(TENSORS, metadata)) },
    { kind: "npy", bytes: Buffer.from(formatNpy(ARRAYS["poses"]!)) },
    { kind: "flo", bytes: Buffer.from(formatFlo(flowFieldFrom(floats, 2, 3))) },
  ];
}

function textSeeds(): Seed[] {
  const bvh = formatBvh({
    joints: [
      {
        name: "Hips",
        parent: -1,
        offset: [0, 0, 0],
        channels: ["Xposition", "Yposition", "Zposition", "Zrotation", "Xrotation", "Yrotation"],
      },
      {
        name: "Spine",
        parent: 0,
        offset: [0, 0.1, 0],
        channels: ["Zrotation", "Xrotation", "Yrotation"],
        end: [0, 0.2, 0],
      },
      {
        name: "Leg",
        parent: 0,
        offset: [0.1, -0.1, 0],
        channels: ["Zrotation", "Xrotation", "Yrotation"],
        end: [0, -0.4, 0],
      },
    ],
    frameCount: 2,
    frameTime: 1 / 30,
    values: Float64Array.from({ length: 24 }, (_, i) => 10 * Math.sin(i)),
  });
  const tracks = {
    video: "walk.mp4",
    frameCount: 3,
    tracks: [
      { id: 1, frames: [0, 1, 2].map((index) => ({ index, box: [10.5, 20, 60, 170 + index] })) },
      { id: 4, frames: [{ index: 1, box: [0, 0, 5, 9] }] },
    ],
  };
  const labels = {
    data: [{ parm_pose: [[[1, 0, 0]]], parm_shape: [0.5, -1], imageName: "a.jpg", scale: 1.25 }],
    ver: 0.1,
  };
  return [
    { kind: "bvh", bytes: Buffer.from([...bvh].join("")) },
    { kind: "tracks.json", bytes: Buffer.from(JSON.stringify(tracks)) },
    { kind: "json", bytes: Buffer.from(JSON.stringify(tracks, null, 1)) },
    { kind: "json", bytes: Buffer.from(JSON.stringify(labels)) },
  ];
}
