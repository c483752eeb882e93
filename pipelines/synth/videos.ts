/** @file Synthetic videos as files: unlabelled footage for refinement, with the truth beside it for evaluation. */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { OptionError } from "../../src/errors.ts";
import { writeNpz } from "../../src/io/npz.ts";
import { writeFileAtomic } from "../../src/io/write-file.ts";
import { encodeVideo } from "../../src/video/encode.ts";
import { type Context, createContext } from "../run/context.ts";
import { type Casting, castingKey, sceneChoice } from "./casting.ts";
import { claimFolder, removeLeftovers } from "./claim.ts";
import { createFlowTruth } from "./flow-truth.ts";
import { createRenderer, type Renderer } from "./render.ts";
import { createTruth, tracksJson } from "./video-truth.ts";
import type { View } from "./viewpoint.ts";
import { createScene, poseScene, type Scene, sceneRandom, shotOf, type World } from "./world.ts";

/** What to write. */
export interface SynthVideosOptions extends Casting {
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
  /** Writes dense flow with occlusions to `<name>-<number>.flow.npz` too. */
  readonly flow?: boolean;
}

/** The files of one video. */
export interface SynthVideo {
  readonly video: string;
  /** Ground truth, see writeSynthVideos. */
  readonly truth: string;
  readonly tracks: string;
  /** Dense flow, see createFlowTruth. */
  readonly flow?: string;
}

/** Share of the picture's height that the person takes at the start. */
const FILLED = [0.55, 0.8] as const;
/** Share of half the picture within which a person stays who walks before a camera of the rich world. */
const WITHIN = 0.92;
/** From hardly visible to what the web's older videos look like. */
const CRF = [17, 36] as const;

/**
 * Writes `<name>-<number>.mp4`, `.npz` and `.tracks.json` for each video; those that are whole already are kept, so that an
 * interrupted job goes on; what a job with other options left there is refused with an OptionError. The .npz (T frames):
 * poses [T,72] axis-angle with the global orientation in camera space, betas
 * [10], trans [T,3] metres, joints [T,24,3] camera space, joints2d [T,24,2] px, boxes [T,4] px (x0, y0, x1, y1), cameras
 * [T,3] weak perspective `sX+t` of each box's square times 1.2, intrinsics [3] (focal, cx, cy), mocap_framerate [1], gender,
 * motion (what the person does).
 * Memory does not grow with the number of frames but for these numbers.
 */
export async function writeSynthVideos(
  world: World,
  options: SynthVideosOptions,
  context: Context = createContext(),
): Promise<SynthVideo[]> {
  const { out, videos, frames, size, seed, fps = 25, name = "synth", flow = false } = options;
  if (!(size >= 32 && frames >= 1 && videos >= 1))
    throw new OptionError("synth", `expected size >= 32, frames and videos >= 1, got ${size}, ${frames}, ${videos}`);
  await mkdir(out, { recursive: true });
  await claimFolder(out, name, { ...castingKey(world, options), kind: "videos", frames, size, seed, fps, flow });
  await removeLeftovers(out, name);
  const height = 2 * Math.round(size / 2);
  const width = 2 * Math.round((2 * size) / 3);
  const renderer = createRenderer(width, height);
  const progress = context.progress("synth", { total: videos * frames, unit: "frames" });
  const written: SynthVideo[] = [];
  try {
    for (let v = 0; v < videos; v++) {
      const stem = join(out, `${name}-${String(v).padStart(3, "0")}`);
      const dense = flow ? { flow: `${stem}.flow.npz` } : {};
      const files = { video: `${stem}.mp4`, truth: `${stem}.npz`, tracks: `${stem}.tracks.json`, ...dense };
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
  const seconds = (frames - 1) / fps;
  const scene = createScene(world, seed, index, await sceneChoice(options, seed, index, seconds));
  const random = sceneRandom(seed, index, options.split, "video");
  const drawn = random.uniform(0, 20);
  const start = scene.motion.isRecorded ? 0 : drawn;
  const filled = random.uniform(...FILLED);
  const isRich = options.style === "world";
  const crf = isRich ? { crf: Math.round(random.uniform(...CRF)) } : {};
  const view =
    isRich || options.camera === "still"
      ? drawWideView(scene, start, seconds, filled, width, height)
      : drawView(scene, start, filled, width, height);
  const truth = createTruth(frames);
  const dense = files.flow ? await createFlowTruth(files.flow, width, height) : undefined;
  const writer = await encodeVideo(files.video, { width, height, fps, ...crf });
  try {
    for (let i = 0; i < frames; i++) {
      context.signal.throwIfAborted();
      const t = start + i / fps;
      const moment = poseScene(scene, t);
      truth.add(i, moment, view);
      const shot = shotOf(scene, moment, view, { frame: i, t, elapsed: i / fps });
      // Before the picture is drawn: drawing moves the figure while the shutter is open.
      await dense?.add(shot);
      await writer.write(renderer(shot));
      onFrame(i + 1);
    }
    await writer.close();
    await dense?.close();
  } catch (error) {
    await writer.abort();
    await dense?.abort();
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

/** As `drawView`, but wide enough for where the person goes within `seconds`. */
export function drawWideView(
  scene: Scene,
  start: number,
  seconds: number,
  filled: number,
  width: number,
  height: number,
): View {
  const view = drawView(scene, start, filled, width, height);
  let { focal } = view;
  for (let k = 0; k <= 8; k++) {
    const { x0, y0, x1, y1 } = poseScene(scene, start + (k / 8) * seconds).extent;
    const across = (0.5 * WITHIN * width) / Math.max(-x0, x1);
    const up = (0.5 * WITHIN * height) / Math.max(-y0, y1);
    focal = Math.min(focal, across, up);
  }
  return { ...view, focal };
}
