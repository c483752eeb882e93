/** @file BVH motion files (Biovision's hierarchy): reading, writing, and the positions of their joints. */
import { readFile, stat } from "node:fs/promises";
import { Matrix4, Vector3 } from "three";
import { FormatError } from "../errors.ts";
import { showText } from "./show-text.ts";

const POSITIONS = ["Xposition", "Yposition", "Zposition"] as const;
const ROTATIONS = ["Xrotation", "Yrotation", "Zrotation"] as const;
const CHANNELS = [...POSITIONS, ...ROTATIONS];
/** One number per frame: metres or whatever the file counts in, or degrees. */
export type BvhChannel = (typeof CHANNELS)[number];

/** A joint of the tree. */
export interface BvhJoint {
  readonly name: string;
  /** Index of the parent, which comes before; -1 for a root. */
  readonly parent: number;
  /** From the parent's position, in the parent's axes, at rest. */
  readonly offset: readonly [number, number, number];
  /** In the order in which a frame lists them; rotations are multiplied in that order, the first outermost. */
  readonly channels: readonly BvhChannel[];
  /** Where a leaf's bone ends, in the leaf's axes. */
  readonly end?: readonly [number, number, number];
}

/** A skeleton and its motion. Units and axes are not written in such files: whoever made one knows them. */
export interface BvhMotion {
  readonly joints: readonly BvhJoint[];
  readonly frameCount: number;
  /** Seconds. */
  readonly frameTime: number;
  /** [frameCount * all channels], the joints' channels one after the other. */
  readonly values: Float64Array;
}

/** Numbers take eight bytes and two letters at least, so this bounds the memory at some 700 MB. */
const MAX_BYTES = 2 ** 27;
const MAX_JOINTS = 4096;
const MAX_DEPTH = 256;

/** The motion in a .bvh file. Throws FormatError naming file and line; files above 128 MiB are refused unread. */
export async function readBvh(path: string): Promise<BvhMotion> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new FormatError(path, "expected a BVH file, found none");
  if (found.size > MAX_BYTES)
    throw new FormatError(path, `expected at most ${MAX_BYTES} bytes of BVH, got ${found.size}; split the motion`);
  return parseBvh(await readFile(path, "utf8"), path);
}

/** The motion in a BVH file's text. Throws FormatError beginning with `where` and naming the line. */
export function parseBvh(text: string, where = "bvh"): BvhMotion {
  const words = wordsOf(text, where);
  words.expect("HIERARCHY");
  const joints: BvhJoint[] = [];
  while (words.peek() === "ROOT") {
    words.next();
    parseJoint(words, joints, -1, 1);
  }
  if (joints.length === 0) throw words.wrong("ROOT");
  words.expect("MOTION");
  words.expect("FRAMES:");
  const frameCount = words.count();
  words.expect("FRAME");
  words.expect("TIME:");
  const frameTime = words.number();
  if (!(frameTime >= 0)) throw new FormatError(where, `frame time must not be negative, got ${frameTime}`);
  const width = joints.reduce((sum, { channels }) => sum + channels.length, 0);
  const total = frameCount * width;
  // Two letters per number at least: what a file cannot hold is not allocated.
  if (frameCount * Math.max(1, width) > words.left() / 2 + 1)
    throw new FormatError(where, `cut short: ${frameCount} frames of ${width} numbers are more than its text can hold`);
  const values = new Float64Array(total);
  for (let i = 0; i < total; i++) values[i] = words.number();
  if (words.peek() !== undefined) throw words.wrong(`the end after ${frameCount} frames of ${width} numbers`);
  return { joints, frameCount, frameTime, values };
}

function parseJoint(words: Words, joints: BvhJoint[], parent: number, depth: number): void {
  if (depth > MAX_DEPTH || joints.length >= MAX_JOINTS)
    throw words.problem(`more than ${MAX_JOINTS} joints, or more than ${MAX_DEPTH} inside one another`);
  const name = words.line();
  words.expect("{");
  words.expect("OFFSET");
  const offset = words.triple();
  const channels: BvhChannel[] = [];
  if (words.peek() === "CHANNELS") {
    words.next();
    const count = words.count();
    if (count > CHANNELS.length) throw words.problem(`expected at most ${CHANNELS.length} channels, got ${count}`);
    for (let i = 0; i < count; i++) channels.push(words.channel());
    if (new Set(channels).size < count) throw words.problem(`a channel twice in ${channels.join(" ")}`);
  }
  const own = joints.length;
  const joint = { name, parent, offset, channels };
  joints.push(joint);
  for (let word = words.next(); word !== "}"; word = words.next()) {
    if (word === "JOINT") parseJoint(words, joints, own, depth + 1);
    else if (word === "END") {
      words.line();
      words.expect("{");
      words.expect("OFFSET");
      joints[own] = { ...joint, end: words.triple() };
      words.expect("}");
    } else throw words.wrong("JOINT, End Site or }", word);
  }
}

/** A text's words in capitals, one after the other, with the line they stand in. */
type Words = ReturnType<typeof wordsOf>;

function wordsOf(text: string, where: string) {
  let at = 0;
  const isSpace = (code: number) => code <= 32 || code === 0xa0 || code === 0xfeff;
  const skip = () => {
    while (at < text.length && isSpace(text.charCodeAt(at))) at++;
  };
  const raw = (): string => {
    skip();
    const start = at;
    while (at < text.length && !isSpace(text.charCodeAt(at))) at++;
    return text.slice(start, at);
  };
  const problem = (what: string): FormatError => {
    let line = 1;
    for (let i = text.indexOf("\n"); i >= 0 && i < at; i = text.indexOf("\n", i + 1)) line++;
    return new FormatError(where, `line ${line}: ${what}`);
  };
  const quote = (word: string) => (word === "" ? "the end of the file" : `"${showText(word, 40)}"`);
  const wrong = (wanted: string, got = raw()) => problem(`expected ${wanted}, got ${quote(got)}`);
  const next = () => raw().toUpperCase();
  const number = (): number => {
    const word = raw();
    const value = Number(word);
    if (word === "" || !Number.isFinite(value)) throw wrong("a number", word);
    return value;
  };
  return {
    problem,
    wrong,
    next,
    number,
    left: () => text.length - at,
    peek(): string | undefined {
      const start = at;
      const word = next();
      at = start;
      return word === "" ? undefined : word;
    },
    expect(wanted: string): void {
      const word = raw();
      if (word.toUpperCase() !== wanted) throw wrong(wanted, word);
    },
    /** A whole number that is not negative. */
    count(): number {
      const value = number();
      if (!Number.isSafeInteger(value) || value < 0) throw problem(`expected a count, got ${value}`);
      return value;
    },
    triple: (): [number, number, number] => [number(), number(), number()],
    channel(): BvhChannel {
      const word = raw();
      const channel = CHANNELS.find((name) => name.toUpperCase() === word.toUpperCase());
      if (!channel) throw wrong(`a channel (${CHANNELS.join(", ")})`, word);
      return channel;
    },
    /** The rest of the line, up to a brace: names may hold spaces. */
    line(): string {
      const start = at;
      while (at < text.length && text[at] !== "\n" && text[at] !== "{") at++;
      return text.slice(start, at).trim();
    },
  };
}

const DECIMALS = 6;

/**
 * The text of a .bvh file, in pieces of at most some hundred frames: offsets, positions and angles with six decimals.
 * Joints are written children after their parent, as the format's braces ask: reading gives them in that order. Throws
 * FormatError where a value is not finite or the values do not fill the frames.
 */
export function* formatBvh({ joints, frameCount, frameTime, values }: BvhMotion): Generator<string> {
  const width = joints.reduce((sum, { channels }) => sum + channels.length, 0);
  if (values.length !== frameCount * width || !values.every(Number.isFinite))
    throw new FormatError(
      "bvh",
      `expected ${frameCount} frames of ${width} finite numbers, got ${values.length} numbers`,
    );
  const roots = joints.flatMap((joint, i) => (joint.parent < 0 ? [i] : []));
  yield `HIERARCHY\n${roots.map((root) => jointText(joints, root, "")).join("")}`;
  yield `MOTION\nFrames: ${frameCount}\nFrame Time: ${frameTime.toFixed(8)}\n`;
  const columns = roots.flatMap((root) => columnsBelow(joints, root));
  const piece = 256;
  for (let first = 0; first < frameCount; first += piece) {
    let text = "";
    for (let t = first; t < Math.min(frameCount, first + piece); t++)
      text += `${columns.map((column) => plain(values[t * width + column]!)).join(" ")}\n`;
    yield text;
  }
}

/** Where in a frame the numbers of a joint and of all below it stand, in the order of the tree's text. */
function columnsBelow(joints: readonly BvhJoint[], index: number): number[] {
  const start = joints.slice(0, index).reduce((sum, { channels }) => sum + channels.length, 0);
  const own = joints[index]!.channels.map((_, k) => start + k);
  return [...own, ...joints.flatMap((joint, i) => (joint.parent === index ? columnsBelow(joints, i) : []))];
}

function jointText(joints: readonly BvhJoint[], index: number, indent: string): string {
  const { name, parent, offset, channels, end } = joints[index]!;
  const inner = `${indent}\t`;
  const children = joints.map((joint, i) => (joint.parent === index ? jointText(joints, i, inner) : "")).join("");
  const site = `${inner}End Site\n${inner}{\n${inner}\tOFFSET ${end?.map(plain).join(" ")}\n${inner}}\n`;
  return (
    `${indent}${parent < 0 ? "ROOT" : "JOINT"} ${name}\n${indent}{\n${inner}OFFSET ${offset.map(plain).join(" ")}\n` +
    `${inner}CHANNELS ${channels.length} ${channels.join(" ")}\n${children}${end ? site : ""}${indent}}\n`
  );
}

/** Without exponents, which some readers do not know, and without "-0". */
function plain(value: number): string {
  const text = value.toFixed(DECIMALS);
  return Number(text) === 0 ? (0).toFixed(DECIMALS) : text;
}

/**
 * Where the joints are in frame `frame`: [J*3] in the file's units and axes. A joint stands at its offset plus its
 * position channels, turned by its parent: G_j = G_parent T(offset + position) R_1 R_2 R_3 with the rotations in channel
 * order.
 */
export function bvhJointPositions({ joints, values }: BvhMotion, frame: number): Float64Array {
  const width = joints.reduce((sum, { channels }) => sum + channels.length, 0);
  const worlds: Matrix4[] = [];
  const out = new Float64Array(3 * joints.length);
  let at = frame * width;
  joints.forEach(({ parent, offset, channels }, j) => {
    const position = [...offset];
    const turns: Matrix4[] = [];
    for (const channel of channels) {
      const value = values[at++]!;
      const axis = POSITIONS.indexOf(channel as (typeof POSITIONS)[number]);
      if (axis >= 0) position[axis]! += value;
      else turns.push(turnAbout(ROTATIONS.indexOf(channel as (typeof ROTATIONS)[number]), (value * Math.PI) / 180));
    }
    const world = new Matrix4().makeTranslation(position[0]!, position[1]!, position[2]!);
    for (const turn of turns) world.multiply(turn);
    if (parent >= 0) world.premultiply(worlds[parent]!);
    worlds.push(world);
    new Vector3().setFromMatrixPosition(world).toArray(out, 3 * j);
  });
  return out;
}

function turnAbout(axis: number, angle: number): Matrix4 {
  const axes = [new Vector3(1, 0, 0), new Vector3(0, 1, 0), new Vector3(0, 0, 1)];
  return new Matrix4().makeRotationAxis(axes[axis]!, angle);
}
