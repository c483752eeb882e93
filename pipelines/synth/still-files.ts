/** @file Synthetic stills as files: a folder of PNG pictures and a data set in SPIN's format. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { encodePng } from "../../src/image/png.ts";
import { floatTensor } from "../../src/io/host-tensor.ts";
import { writeNpz } from "../../src/io/npz.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { toGt24 } from "../labelled/joint-sets.ts";
import { type Context, createContext } from "../run/context.ts";
import { type Casting, castingKey, sceneChoice } from "./casting.ts";
import { claimFolder } from "./claim.ts";
import { describeStill, type StillLabels } from "./stills.ts";
import type { World } from "./world.ts";

/** What to write. */
export interface StillFilesOptions extends Casting {
  /** Side of the picture over side of the person's box. */
  readonly margin?: number;
  readonly out: string;
  readonly count: number;
  /** Side of the pictures, px. */
  readonly size: number;
  readonly seed: number;
}

/** Where the written data set is. */
export interface StillFiles {
  readonly dataset: string;
  readonly images: string;
}

/** Side of the picture over side of the person's box: room for augmentation. */
const MARGIN = 1.6;

/**
 * Writes `count` stills to `<out>/images/<number>.png` and their labels to `<out>/dataset.npz` (imgname, center, scale,
 * pose, shape, has_smpl, S, part, gender, and joints3d and joints2d of all SMPL joints). Pictures that are there already
 * are not drawn again, so that an interrupted job goes on; labels follow from the seed. What a job with other options left
 * there is refused with an OptionError.
 */
export async function writeSynthStills(
  world: World,
  options: StillFilesOptions,
  context: Context = createContext(),
): Promise<StillFiles> {
  const { out, count, size, seed, margin = MARGIN } = options;
  const images = join(out, "images");
  await mkdir(images, { recursive: true });
  await claimFolder(out, "stills", { ...castingKey(world, options), kind: "stills", size, seed, margin });
  const progress = context.progress("stills", { total: count, unit: "stills" });
  const labels = createLabels(count);
  try {
    for (let i = 0; i < count; i++) {
      context.signal.throwIfAborted();
      const choice = await sceneChoice(options, seed, i, 0);
      const still = describeStill(world, seed, i, size, { ...choice, margin });
      labels.add(i, still.labels);
      const path = join(images, nameOf(i));
      if (!(await stat(path).catch(() => undefined))) await writeFileAtomic(path, encodePng(still.draw()));
      progress.update(i + 1);
    }
  } finally {
    progress.finish();
  }
  const dataset = join(out, "dataset.npz");
  await writeNpz(dataset, labels.entries());
  return { dataset, images };
}

function nameOf(index: number): string {
  return `${String(index).padStart(6, "0")}.png`;
}

function createLabels(count: number) {
  const column = (width: number) => new Float32Array(count * width);
  const columns = {
    center: column(2),
    scale: column(1),
    pose: column(72),
    shape: column(10),
    S: column(96),
    part: column(72),
    joints3d: column(96),
    joints2d: column(72),
  };
  const names: string[] = [];
  return {
    add(i: number, still: StillLabels): void {
      const joints3d = withConfidence(still.joints3d, 3);
      const joints2d = withConfidence(still.joints2d, 2);
      names[i] = nameOf(i);
      columns.center.set([still.square.cx, still.square.cy], 2 * i);
      columns.scale[i] = still.square.side / 200;
      columns.pose.set(still.pose, 72 * i);
      columns.shape.set(still.betas, 10 * i);
      columns.joints3d.set(joints3d, 96 * i);
      columns.joints2d.set(joints2d, 72 * i);
      columns.S.set(toGt24(joints3d, 4), 96 * i);
      columns.part.set(toGt24(joints2d, 3), 72 * i);
    },
    entries: () => ({
      imgname: { dtype: "string" as const, shape: [count], data: names },
      gender: { dtype: "string" as const, shape: [count], data: names.map(() => "n") },
      center: floatTensor(columns.center, [count, 2]),
      scale: floatTensor(columns.scale, [count]),
      pose: floatTensor(columns.pose, [count, 72]),
      shape: floatTensor(columns.shape, [count, 10]),
      has_smpl: floatTensor(new Float32Array(count).fill(1), [count]),
      S: floatTensor(columns.S, [count, 24, 4]),
      part: floatTensor(columns.part, [count, 24, 3]),
      joints3d: floatTensor(columns.joints3d, [count, 24, 4]),
      joints2d: floatTensor(columns.joints2d, [count, 24, 3]),
    }),
  };
}

/** Points [N*width] with a confidence of 1 appended to each. */
export function withConfidence(points: Float32Array, width: number): Float32Array {
  const count = points.length / width;
  const out = new Float32Array(count * (width + 1)).fill(1);
  for (let i = 0; i < count; i++) out.set(points.subarray(width * i, width * (i + 1)), (width + 1) * i);
  return out;
}
