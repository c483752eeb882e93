import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sceneChoice } from "../../../pipelines/synth/casting.ts";
import { openMotionLibrary } from "../../../pipelines/synth/motion-library.ts";
import { namesOfSplit, SPLITS, type Split, splitOfName } from "../../../pipelines/synth/splits.ts";
import { describeStill } from "../../../pipelines/synth/stills.ts";
import { createScene, createWorld } from "../../../pipelines/synth/world.ts";
import { restJoints } from "../../../smpl/body-arrays.ts";
import { proceduralBody } from "../../../smpl/procedural-body.ts";
import { createRandom } from "../../../src/random.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "motioncue-splits-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const world = createWorld(proceduralBody());
const rest = restJoints(world.body);

/** The smallest file of a person who stands: `height` makes its content one of its own. */
function bvhOf(height: number): string {
  const joint = (name: string, offset: string, inner = "") =>
    `JOINT ${name} { OFFSET ${offset} CHANNELS 3 Zrotation Xrotation Yrotation ${inner} }`;
  const limbs = ["Left", "Right"].map((s) => {
    const x = s === "Left" ? 1 : -1;
    const leg = joint(`${s}UpLeg`, `${x} 0 0`, joint(`${s}Leg`, "0 -4 0", joint(`${s}Foot`, "0 -4 0")));
    return `${leg} ${joint(`${s}Arm`, `${x} 5 0`, joint(`${s}ForeArm`, `${3 * x} 0 0`))}`;
  });
  const root = `ROOT Hips { OFFSET 0 0 0 CHANNELS 3 Xposition Yposition Zposition ${limbs.join(" ")} }`;
  const frame = `0 ${height} 0 ${"0 ".repeat(30)}`;
  return `HIERARCHY ${root} MOTION Frames: 2 Frame Time: 0.1\n${frame}\n${frame}\n`;
}

describe("names", () => {
  test("are divided so that each has one split, and each split some", () => {
    const names = Array.from({ length: 40 }, (_, i) => `walk_${i}.bvh`);
    const parts = SPLITS.map((split) => namesOfSplit(names, split));
    expect(parts.map(({ length }) => length)).toEqual([28, 4, 8]);
    expect(parts.flat().sort()).toEqual([...names].sort());
    expect(namesOfSplit([...names].reverse(), "test")).toEqual(parts[2]);
    const few = SPLITS.map((split) => namesOfSplit(["a", "b", "c"], split).length);
    expect(few).toEqual([1, 1, 1]);
    expect(SPLITS.map((split) => namesOfSplit(["a", "b"], split).length)).toEqual([2, 0, 0]);
  });

  test("of motions fall on all splits, most on train", () => {
    const found = Array.from({ length: 400 }, (_, i) => splitOfName(`leg${i % 20}+arm${Math.floor(i / 20)}`));
    const count = (split: Split) => found.filter((own) => own === split).length;
    expect(count("train")).toBeGreaterThan(230);
    expect(count("validation")).toBeGreaterThan(15);
    expect(count("test")).toBeGreaterThan(40);
  });
});

describe("scenes of different splits", () => {
  const choices = SPLITS.map((split) => ({ style: "world" as const, split }));

  test("share neither bodies nor clothes nor places nor light, though seed and number are equal", () => {
    const seen = choices.map((choice) =>
      Array.from({ length: 30 }, (_, index) => {
        const { betas, surface, background, exposure, path } = createScene(world, 5, index, choice);
        const colour = new Float64Array(3);
        surface(0.02, 0.2, 0.1, 0.001, colour);
        const looks = [...colour, background.wallDistance, exposure.direct, exposure.noise, path.distance];
        return [betas.join(), looks.join()];
      }),
    );
    const all = seen.flat(2);
    expect(new Set(all).size).toBe(all.length);
    // Not by a hair: no body of one split is near one of another.
    const bodies = seen.map((split) => split.map(([betas]) => betas!.split(",").map(Number)));
    for (const body of bodies[0]!)
      for (const other of [...bodies[1]!, ...bodies[2]!])
        expect(Math.hypot(...body.map((x, k) => x - other[k]!))).toBeGreaterThan(0.3);
  });

  test("combinations of steps and arms are those of one split only, but for everyday ones", () => {
    const kinds = choices.map(
      (choice) =>
        new Set(
          Array.from({ length: 60 }, (_, i) => createScene(world, 5, i, { ...choice, motion: "steps" }).motion.kind),
        ),
    );
    const everyday = new Set(["walk+swing", "run+swing", "stand+hang"]);
    const shared = [...kinds[0]!].filter((kind) => kinds[1]!.has(kind) || kinds[2]!.has(kind));
    expect(shared.every((kind) => everyday.has(kind))).toBe(true);
    expect([...kinds[1]!].filter((kind) => kinds[2]!.has(kind) && !everyday.has(kind))).toEqual([]);
    expect(kinds[0]!.size).toBeGreaterThan(15);
  });

  test("a pose of one is no pose of another", () => {
    const poses = choices.map((choice) =>
      Array.from({ length: 20 }, (_, i) => describeStill(world, 5, i, 32, choice).labels.pose),
    );
    for (const pose of poses[0]!)
      for (const other of [...poses[1]!, ...poses[2]!])
        expect(Math.hypot(...pose.map((x, k) => x - other[k]!))).toBeGreaterThan(0.2);
  });
});

describe("a library of recordings", () => {
  test("gives each split files of its own; a copy under another name is no other motion", async () => {
    const dir = join(folder, "motions");
    for (let i = 0; i < 6; i++) await cp(await bvhFile(`m${i}`, 8 + i), join(dir, i < 3 ? `a/m${i}.bvh` : `m${i}.BVH`));
    await cp(join(dir, "a/m0.bvh"), join(dir, "copy of m0.bvh"));
    await writeFile(join(dir, "notes.txt"), "nothing");
    const libraries = await Promise.all(SPLITS.map((split) => openMotionLibrary(dir, rest, split)));
    expect(libraries.map(({ names }) => names.length)).toEqual([4, 1, 1]);
    const all = libraries.flatMap(({ names }) => names);
    expect(all.sort()).toEqual(["a/m0.bvh", "a/m1.bvh", "a/m2.bvh", "m3.BVH", "m4.BVH", "m5.BVH"]);
    expect((await openMotionLibrary(dir, rest, undefined)).names).toHaveLength(6);

    const [train] = libraries;
    const recorded = await sceneChoice({ library: train!, recorded: 1, split: "train" }, 1, 7, 2);
    expect(train!.names).toContain(recorded.recording!.name);
    expect(recorded.recording!.clip.frames).toBe(2);
    expect((await sceneChoice({ library: train!, recorded: 0 }, 1, 7, 2)).recording).toBeUndefined();
    const kinds = createScene(world, 1, 7, { ...recorded, style: "world" }).motion.kind;
    expect(kinds.startsWith(recorded.recording!.name)).toBe(true);
  });

  test("that is none, or too small to divide, is refused; a damaged file is named", async () => {
    await expect(openMotionLibrary(join(folder, "nix"), rest, undefined)).rejects.toThrow(/found no folder .*nix/);
    const dir = join(folder, "few");
    await cp(await bvhFile("one", 3), join(dir, "one.bvh"));
    await expect(openMotionLibrary(dir, rest, "test")).rejects.toThrow("1 motions are too few to divide");
    await writeFile(join(dir, "one.bvh"), "HIERARCHY\nROOT a\n{");
    const library = await openMotionLibrary(dir, rest, undefined);
    await expect(library.draw(createRandom(1))).rejects.toThrow(/one\.bvh: line \d/);
  });
});

async function bvhFile(name: string, height: number): Promise<string> {
  const path = join(folder, `${name}-source.bvh`);
  await writeFile(path, bvhOf(height));
  return path;
}
