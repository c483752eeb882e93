/** @file Synthetic videos as files: unlabelled footage for refinement, with the truth beside it for evaluation. */
import { mkdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { OptionError } from "../../src/errors.ts";
import { squareBox } from "../../src/image/box.ts";
import { floatTensor } from "../../src/io/host-tensor.ts";
import { writeNpz } from "../../src/io/npz.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { createRandom } from "../../src/random.ts";
import { encodeVideo } from "../../src/video/encode.ts";
import { type Context, createContext } from "../run/context.ts";
import { createRenderer, type Renderer } from "./render.ts";
import { CROP_SCALE } from "./stills.ts";
import type { View } from "./viewpoint.ts";
import {
  boxIn,
  createScene,
  fitWeakCamera,
  jointPixels,
  type Moment,
  poseScene,
  type Scene,
  type SceneChoice,
  shotOf,
  type World,
} from "./world.ts";

/** What to write. */
export interface SynthVideosOptions extends SceneChoice {
  readonly out: string;
  readonly videos: number;
  /** Frames of each video. */
  readonly frames: number;
  /** Height, px; the width is 4/3 of it, even. */
  readonly size: number;
  readonly seed: number;
  readonly fps?: number;
  /** Written before the number in file names; another one keeps two sets apart in one folder. */
  readonly name?: string;
}

/** The files of one video. */
export interface SynthVideo {
  readonly video: string;
  /** Ground truth, see writeSynthVideos. */
  readonly truth: string;
  readonly tracks: string;
}

/** Share of the picture's height that the person takes at the start. */
const FILLED = [0.55, 0.8] as const;

/**
 * Writes `<name>-<number>.mp4`, `.npz` and `.tracks.json` for each video; those that are whole already are kept, so that an
 * interrupted job goes on. The .npz (T frames): poses [T,72] axis-angle with the global orientation in camera space, betas
 * [10], trans [T,3] metres, joints [T,24,3] camera space, joints2d [T,24,2] px, boxes [T,4] px (x0, y0, x1, y1), cameras
 * [T,3] weak perspective `sX+t` of each box's square times 1.2, intrinsics [3] (focal, cx, cy), mocap_framerate [1], gender.
 * Memory does not grow with the number of frames but for these numbers.
 */
export async function writeSynthVideos(
  world: World,
  options: SynthVideosOptions,
  context: Context = createContext(),
): Promise<SynthVideo[]> {
  const { out, videos, frames, size, name = "synth" } = options;
  if (!(size >= 32 && frames >= 1 && videos >= 1))
    throw new OptionError("synth", `expected size >= 32, frames and videos >= 1, got ${size}, ${frames}, ${videos}`);
  await mkdir(out, { recursive: true });
  const height = 2 * Math.round(size / 2);
  const width = 2 * Math.round((2 * size) / 3);
  const renderer = createRenderer(width, height);
  const progress = context.progress("synth", { total: videos * frames, unit: "frames" });
  const written: SynthVideo[] = [];
  try {
    for (let v = 0; v < videos; v++) {
      const stem = join(out, `${name}-${String(v).padStart(3, "0")}`);
      const files = { video: `${stem}.mp4`, truth: `${stem}.npz`, tracks: `${stem}.tracks.json` };
      // The truth is written last: where it is, the video is whole.
      if (!(await stat(files.truth).catch(() => undefined))) {
        const job = { world, options, index: v, files, renderer, width, height };
        await writeVideo(job, context, (done) => progress.update(v * frames + done));
      }
      progress.update((v + 1) * frames);
      written.push(files);
    }
  } finally {
    progress.finish();
  }
  return written;
}

interface VideoJob {
  readonly world: World;
  readonly options: SynthVideosOptions;
  readonly index: number;
  readonly files: SynthVideo;
  readonly renderer: Renderer;
  readonly width: number;
  readonly height: number;
}

async function writeVideo(job: VideoJob, context: Context, onFrame: (done: number) => void): Promise<void> {
  const { world, options, index, files, renderer, width, height } = job;
  const { frames, seed, fps = 25 } = options;
  const scene = createScene(world, seed, index, options);
  const random = createRandom(seed, "scene", index, "video");
  const start = random.uniform(0, 20);
  const view = drawView(scene, start, random.uniform(...FILLED), width, height);
  const truth = createTruth(frames);
  const writer = await encodeVideo(files.video, { width, height, fps });
  try {
    for (let i = 0; i < frames; i++) {
      context.signal.throwIfAborted();
      const moment = poseScene(scene, start + i / fps);
      truth.add(i, moment, view);
      await writer.write(renderer(shotOf(scene, moment, view, i)));
      onFrame(i + 1);
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writeFileAtomic(files.tracks, tracksJson(files.video, truth.boxes()));
  await writeNpz(files.truth, truth.entries(scene, view, fps));
}

/** The view in which the person at time `t` fills that share of the picture's height; the camera's aim is the middle. */
function drawView(scene: Scene, t: number, filled: number, width: number, height: number): View {
  const { extent } = poseScene(scene, t);
  // A crouching person is not brought nearer: the standing height decides.
  const standing = 1.7 / scene.path.distance;
  const focal = (filled * height) / Math.max(standing, extent.y1 - extent.y0);
  return { width, height, focal, cx: (width - 1) / 2, cy: (height - 1) / 2 };
}

function createTruth(frames: number) {
  const column = (size: number) => new Float32Array(frames * size);
  const columns = {
    poses: column(72),
    trans: column(3),
    joints: column(72),
    joints2d: column(48),
    boxes: column(4),
    cameras: column(3),
  };
  return {
    add(i: number, moment: Moment, view: View): void {
      const pixels = jointPixels(moment.joints, view);
      const box = boxIn(moment.extent, view);
      columns.poses.set(moment.pose, 72 * i);
      columns.trans.set(moment.transl, 3 * i);
      columns.joints.set(moment.joints, 72 * i);
      columns.joints2d.set(pixels, 48 * i);
      columns.boxes.set([box.x0, box.y0, box.x1, box.y1], 4 * i);
      const model = moment.joints.map((value, k) => value - moment.transl[k % 3]!);
      columns.cameras.set(fitWeakCamera(model, pixels, squareBox(box, CROP_SCALE)), 3 * i);
    },
    boxes: () => columns.boxes,
    entries: (scene: Scene, view: View, fps: number) => ({
      poses: floatTensor(columns.poses, [frames, 72]),
      betas: floatTensor(scene.betas, [10]),
      trans: floatTensor(columns.trans, [frames, 3]),
      joints: floatTensor(columns.joints, [frames, 24, 3]),
      joints2d: floatTensor(columns.joints2d, [frames, 24, 2]),
      boxes: floatTensor(columns.boxes, [frames, 4]),
      cameras: floatTensor(columns.cameras, [frames, 3]),
      intrinsics: floatTensor(Float32Array.of(view.focal, view.cx, view.cy), [3]),
      mocap_framerate: floatTensor(Float32Array.of(fps), [1]),
      gender: { dtype: "string" as const, shape: [], data: ["neutral"] },
      motion: { dtype: "string" as const, shape: [], data: [scene.motion.kind] },
    }),
  };
}

/** One track with the mesh's own boxes, in the format of track files. */
function tracksJson(video: string, boxes: Float32Array): string {
  const frames = Array.from({ length: boxes.length / 4 }, (_, index) => ({
    index,
    box: Array.from(boxes.subarray(4 * index, 4 * index + 4), (x) => Math.round(x * 100) / 100),
    score: 1,
  }));
  const content = {
    video: basename(video),
    frameCount: frames.length,
    boxFormat: "x0, y0, x1, y1 in px, pixel centres at integers",
    detector: "ground truth",
    tracks: [{ id: 1, frames }],
  };
  return `${JSON.stringify(content)}\n`;
}
