/**
 * @file glTF 2.0 binary files (.glb) of skinned, animated figures: https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
 * Axes as glTF has them: x right, y up, metres; the camera looks along -z.
 */
import { MotionCueError, ShapeError } from "../errors.ts";
import { bytesOf } from "./host-tensor.ts";
import { strongestWeights } from "./skin-influences.ts";

/** A joint of a figure at rest; nothing is turned there. */
export interface FigureJoint {
  readonly name: string;
  /** Index of the parent, which comes before; -1 for the first joint, and only for it. */
  readonly parent: number;
  /** In the mesh's own coordinates. */
  readonly position: readonly [number, number, number];
}

/** A mesh with a skeleton, and how it moves. V vertices, F triangles, J joints, T frames. */
export interface Figure {
  readonly name: string;
  /** [V*3] at rest. */
  readonly positions: Float32Array;
  /** [V*3] of length 1. */
  readonly normals: Float32Array;
  /** [F*3] counter-clockwise seen from outside. */
  readonly triangles: Uint32Array;
  readonly joints: readonly FigureJoint[];
  /** [V*J] rows that sum to 1; the four greatest of each are kept. */
  readonly weights: Float32Array;
  /** Linear red, green, blue in 0..1. */
  readonly colour: readonly [number, number, number];
  /** [T] seconds, rising. A single frame is a pose without animation. */
  readonly times: Float32Array;
  /** [T*J*4] unit quaternions x, y, z, w relative to the parent. */
  readonly rotations: Float32Array;
  /** [T*3] where the first joint stands. */
  readonly roots: Float32Array;
  /** Seconds from and to which the figure is there at all; outside, it is scaled to nothing. */
  readonly span?: readonly [from: number, to: number];
}

/** A pinhole at the origin that looks along -z. */
export interface GltfCamera {
  /** Of the whole height, radians. */
  readonly verticalField: number;
  /** Width over height. */
  readonly aspect: number;
}

/** What is known of a scene besides its figures. */
export interface GltfScene {
  readonly figures: readonly Figure[];
  readonly camera?: GltfCamera;
  /** Free remarks, kept in the file. */
  readonly extras?: Readonly<Record<string, string | number>>;
}

/** The parts of a glTF document that refer to one another by index. */
type Json = Record<string, unknown>;
type Lists = Record<
  "nodes" | "meshes" | "skins" | "accessors" | "bufferViews" | "materials" | "cameras" | "samplers" | "channels",
  Json[]
>;

const FLOAT = 5126;
const UNSIGNED_BYTE = 5121;
const UNSIGNED_SHORT = 5123;
const UNSIGNED_INT = 5125;
const ARRAY_BUFFER = 34962;
const ELEMENT_ARRAY_BUFFER = 34963;
const LIMIT = 0xffffffff;
const WIDTHS = { SCALAR: 1, VEC3: 3, VEC4: 4, MAT4: 16 } as const;

/**
 * The pieces of a .glb file with all figures, one animation "motion" and, where given, the camera. Nodes rest in the
 * first frame's pose; the skin's inverse bind matrices hold the rest pose. Throws ShapeError where arrays do not fit
 * together, MotionCueError where the file would exceed 4 GiB.
 */
export function formatGlb({ figures, camera, extras }: GltfScene): Uint8Array[] {
  const names = [
    "nodes",
    "meshes",
    "skins",
    "accessors",
    "bufferViews",
    "materials",
    "cameras",
    "samplers",
    "channels",
  ];
  const lists = Object.fromEntries(names.map((name) => [name, []])) as unknown as Lists;
  const pieces: Uint8Array[] = [];
  const roots = figures.flatMap((figure) => addFigure(lists, pieces, figure));
  if (camera) {
    const perspective = { yfov: camera.verticalField, aspectRatio: camera.aspect, znear: 0.05 };
    const index = add(lists.cameras, { type: "perspective", perspective });
    roots.push(add(lists.nodes, { name: "camera", camera: index }));
  }
  const { samplers, channels, ...rest } = lists;
  const byteLength = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const document = {
    asset: { version: "2.0", generator: "MotionCue", ...(extras ? { extras } : {}) },
    scene: 0,
    scenes: [{ nodes: roots }],
    ...Object.fromEntries(Object.entries(rest).filter(([, list]) => list.length > 0)),
    ...(channels.length > 0 ? { animations: [{ name: "motion", samplers, channels }] } : {}),
    buffers: [{ byteLength }],
  };
  return container(document, pieces, byteLength);
}

function add(list: Json[], entry: Json): number {
  return list.push(entry) - 1;
}

/** Adds one figure; returns its nodes at the top of the scene: the skeleton's holder and the skinned mesh. */
function addFigure(lists: Lists, pieces: Uint8Array[], figure: Figure): number[] {
  checkFigure(figure);
  const { name, joints, colour } = figure;
  const firstJoint = lists.nodes.length;
  joints.forEach(({ name: joint, position }, j) => {
    const at =
      j === 0 ? figure.roots.subarray(0, 3) : position.map((x, k) => x - joints[joints[j]!.parent]!.position[k]!);
    const children = joints.flatMap(({ parent }, child) => (parent === j ? [firstJoint + child] : []));
    const rotation = Array.from(figure.rotations.subarray(4 * j, 4 * j + 4));
    const node = { name: joint, translation: Array.from(at, Math.fround), rotation };
    add(lists.nodes, children.length > 0 ? { ...node, children } : node);
  });
  const holder = add(lists.nodes, { name, children: [firstJoint] });

  const data = createBinaryPart(lists, pieces);
  const { indices, weights } = strongestWeights(figure.weights, joints.length);
  const vertexCount = figure.positions.length / 3;
  const wide = vertexCount > 0xffff;
  const attributes = {
    POSITION: data.accessor(figure.positions, "VEC3", { target: ARRAY_BUFFER, bounds: true }),
    NORMAL: data.accessor(figure.normals, "VEC3", { target: ARRAY_BUFFER }),
    JOINTS_0: data.accessor(joints.length > 256 ? indices : Uint8Array.from(indices), "VEC4", { target: ARRAY_BUFFER }),
    WEIGHTS_0: data.accessor(weights, "VEC4", { target: ARRAY_BUFFER }),
  };
  const triangles = wide ? figure.triangles : Uint16Array.from(figure.triangles);
  const primitive = {
    attributes,
    indices: data.accessor(triangles, "SCALAR", { target: ELEMENT_ARRAY_BUFFER }),
    material: add(lists.materials, {
      name: `${name} skin`,
      pbrMetallicRoughness: { baseColorFactor: [...colour, 1], metallicFactor: 0, roughnessFactor: 0.8 },
    }),
  };
  const mesh = add(lists.meshes, { name: `${name} body`, primitives: [primitive] });
  const skin = add(lists.skins, {
    name: `${name} skeleton`,
    joints: joints.map((_, j) => firstJoint + j),
    skeleton: firstJoint,
    inverseBindMatrices: data.accessor(inverseBindMatrices(joints), "MAT4"),
  });
  const body = add(lists.nodes, { name: `${name} body`, mesh, skin });
  addMotion(lists, data, figure, firstJoint, holder);
  return [holder, body];
}

function addMotion(lists: Lists, data: BinaryPart, figure: Figure, firstJoint: number, holder: number): void {
  const { times, rotations, roots, joints, span } = figure;
  const channel = (
    input: number,
    values: Float32Array,
    type: "VEC3" | "VEC4",
    node: number,
    path: string,
    step = false,
  ) => {
    const interpolation = step ? "STEP" : "LINEAR";
    const sampler = add(lists.samplers, { input, output: data.accessor(values, type), interpolation });
    add(lists.channels, { sampler, target: { node, path } });
  };
  if (times.length > 1) {
    const input = data.accessor(times, "SCALAR", { bounds: true });
    channel(input, roots, "VEC3", firstJoint, "translation");
    joints.forEach((_, j) => {
      const own = new Float32Array(4 * times.length);
      for (let t = 0; t < times.length; t++)
        own.set(rotations.subarray(4 * (t * joints.length + j), 4 * (t * joints.length + j + 1)), 4 * t);
      channel(input, own, "VEC4", firstJoint + j, "rotation");
    });
  }
  if (span) {
    const [from, to] = span;
    const keys = from > 0 ? [0, from, to] : [from, to];
    const size = (key: number) => (key === to || (key === 0 && from > 0) ? 0 : 1);
    const scales = Float32Array.from(keys.flatMap((key) => [size(key), size(key), size(key)]));
    channel(data.accessor(Float32Array.from(keys), "SCALAR", { bounds: true }), scales, "VEC3", holder, "scale", true);
  }
}

/** [J*16] column by column: back from the rest pose, in which nothing is turned. */
function inverseBindMatrices(joints: readonly FigureJoint[]): Float32Array {
  const matrices = new Float32Array(16 * joints.length);
  joints.forEach(({ position: [x, y, z] }, j) => {
    matrices.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -x, -y, -z, 1], 16 * j);
  });
  return matrices;
}

interface AccessorOptions {
  /** What a graphics card uses the data for. */
  readonly target?: number;
  /** Whether least and greatest values are noted; for arrays of floats. */
  readonly bounds?: boolean;
}
type BinaryPart = ReturnType<typeof createBinaryPart>;

function createBinaryPart(lists: Lists, pieces: Uint8Array[]) {
  return {
    /** Appends `values` to the binary part, aligned to four bytes, and describes them; returns the accessor's index. */
    accessor(
      values: Float32Array | Uint8Array | Uint16Array | Uint32Array,
      type: keyof typeof WIDTHS,
      { target, bounds = false }: AccessorOptions = {},
    ): number {
      const bytes = bytesOf(values);
      const byteOffset = pieces.reduce((sum, piece) => sum + piece.length, 0);
      pieces.push(bytes);
      if (bytes.length % 4 !== 0) pieces.push(new Uint8Array(4 - (bytes.length % 4)));
      const view = { buffer: 0, byteOffset, byteLength: bytes.length, ...(target ? { target } : {}) };
      const width = WIDTHS[type];
      return add(lists.accessors, {
        bufferView: add(lists.bufferViews, view),
        componentType: componentType(values),
        count: values.length / width,
        type,
        ...(bounds ? { min: extremes(values, width, Math.min), max: extremes(values, width, Math.max) } : {}),
      });
    },
  };
}

function componentType(values: Float32Array | Uint8Array | Uint16Array | Uint32Array): number {
  if (values instanceof Float32Array) return FLOAT;
  if (values instanceof Uint8Array) return UNSIGNED_BYTE;
  return values instanceof Uint16Array ? UNSIGNED_SHORT : UNSIGNED_INT;
}

function extremes(values: ArrayLike<number>, width: number, pick: (a: number, b: number) => number): number[] {
  const out = Array.from({ length: width }, (_, k) => values[k]!);
  for (let i = width; i < values.length; i++) out[i % width] = pick(out[i % width]!, values[i]!);
  return out;
}

function checkFigure({ name, positions, normals, triangles, joints, weights, times, rotations, roots }: Figure): void {
  const expect = (what: string, array: ArrayLike<number>, length: number) => {
    if (array.length !== length) throw new ShapeError(`glTF ${name} ${what}`, `[${length}]`, [array.length]);
    for (let i = 0; i < length; i++)
      if (!Number.isFinite(array[i]!))
        throw new MotionCueError(`glTF ${name} ${what}`, `must be finite, got ${array[i]}`);
  };
  const vertexCount = positions.length / 3;
  if (times.length === 0 || joints.length === 0 || vertexCount === 0 || triangles.length === 0)
    throw new MotionCueError(`glTF ${name}`, "needs frames, joints, vertices and triangles");
  expect("positions", positions, 3 * Math.floor(vertexCount));
  expect("normals", normals, positions.length);
  expect("triangles", triangles, 3 * Math.floor(triangles.length / 3));
  expect("weights", weights, vertexCount * joints.length);
  expect("rotations", rotations, 4 * times.length * joints.length);
  expect("roots", roots, 3 * times.length);
  expect("times", times, times.length);
  if (times.some((time, t) => time < 0 || (t > 0 && time <= times[t - 1]!)))
    throw new MotionCueError(`glTF ${name} times`, "must be rising seconds from 0 on");
  joints.forEach(({ parent }, j) => {
    if (j === 0 ? parent !== -1 : !(parent >= 0 && parent < j))
      throw new MotionCueError(`glTF ${name} joints`, `expected a parent before joint ${j}, got ${parent}`);
  });
}

/** Header, JSON chunk and binary chunk; both chunks are padded to four bytes. */
function container(document: Json, pieces: readonly Uint8Array[], byteLength: number): Uint8Array[] {
  const text = new TextEncoder().encode(JSON.stringify(document));
  const json = new Uint8Array(Math.ceil(text.length / 4) * 4).fill(0x20);
  json.set(text);
  const total = 12 + 8 + json.length + 8 + byteLength;
  if (total > LIMIT) throw new MotionCueError("glTF", "would need 4 GiB or more; export a part of the video");
  const words = (...values: number[]) => bytesOf(Uint32Array.from(values));
  const [GLTF, JSON_CHUNK, BINARY_CHUNK] = [0x46546c67, 0x4e4f534a, 0x004e4942];
  return [words(GLTF, 2, total, json.length, JSON_CHUNK), json, words(byteLength, BINARY_CHUNK), ...pieces];
}
