/** @file The debug video: frame, mesh over frame, observed flow, mesh flow and residual of one person, side by side. */
import { basename } from "node:path";
import type { FlowEstimator } from "../../flow/estimator.ts";
import { type FlowField, flowFieldFrom } from "../../flow/flow-field.ts";
import { loadBody } from "../../smpl/load-body.ts";
import { loadRegressor, type Regressor } from "../../smpl/regressor.ts";
import { type EngineInfo, startEngine } from "../../src/engine/engine.ts";
import { tf } from "../../src/engine/tf.ts";
import { OptionError } from "../../src/errors.ts";
import type { CropSquare } from "../../src/image/box.ts";
import { cropSquare } from "../../src/image/crop.ts";
import { drawBox, hstack, vstack } from "../../src/image/draw.ts";
import { createImage, type Image, imagesToTensor } from "../../src/image/image.ts";
import { resizeImage } from "../../src/image/resize.ts";
import { completeOptions } from "../../src/options.ts";
import { encodeVideo, type VideoWriter } from "../../src/video/encode.ts";
import { areNeighbours, medianStep } from "../../src/video/neighbours.ts";
import { decodeVideo, type Frame, probeVideo, type VideoInfo } from "../../src/video/video.ts";
import { overlayMesh } from "../bodies/mesh-overlay.ts";
import { flowRadius, labelled, pairPanels, scaleVertices } from "../bodies/panels.ts";
import { predictCrops } from "../bodies/predict.ts";
import { trackSquares } from "../clips/track-squares.ts";
import { checkTracksChoice, type Track, tracksOf } from "../clips/tracks.ts";
import { loadFlow } from "../flow/load-flow.ts";
import { type Context, createContext } from "../run/context.ts";
import { expandVideos } from "../run/input-files.ts";
import { RENDER_OPTIONS, type RenderOptions } from "./options.ts";

/** The video to show, and how; see RENDER_OPTIONS. */
export interface RenderJob extends Partial<RenderOptions> {
  readonly video: string;
}

export interface RenderResult {
  readonly engine: EngineInfo;
  readonly out: string;
  readonly track: number;
  readonly frames: number;
  /** Mean over pairs of the mean distance between the two flows where the mesh is, in panel pixels, per regressor. */
  readonly residuals: readonly number[];
}

/** A frame with what its panels show. */
interface Seen {
  readonly frame: Frame;
  readonly square: CropSquare | undefined;
}

interface Scene {
  readonly video: VideoInfo;
  readonly track: Track;
  readonly rows: readonly { readonly name: string; readonly regressor: Regressor }[];
  readonly faces: Uint32Array;
  readonly options: RenderOptions;
  readonly predict: (regressor: Regressor, crops: readonly Image[]) => Float32Array[];
  readonly flows: (crops: readonly Image[], pairs: readonly (readonly [number, number])[]) => FlowField[];
}

/** Frames that are worked on at once; the last one begins the next lot. */
const LOT = 6;
const BOX_COLOUR = [255, 220, 60] as const;
const GAP = 2;

/** Writes the debug video of one person. Throws OptionError and FormatError; nothing is left behind then. */
export async function render(job: RenderJob, context: Context = createContext()): Promise<RenderResult> {
  const { video: path, ...given } = job;
  const options = completeOptions("render", RENDER_OPTIONS, given);
  const [input] = await expandVideos([path]);
  await checkTracksChoice(options.tracks);
  const video = await probeVideo(input!.path);
  const engine = await startEngine(options.engine, options.precision);
  const flow = await loadFlow(options);
  const body = await loadBody(options.body);
  const paths = [options.regressor, ...(options.compare === undefined ? [] : [options.compare])];
  const rows: { name: string; regressor: Regressor }[] = [];
  try {
    for (const name of paths) {
      rows.push({ name, regressor: await loadRegressor(name, options.camera ? { camera: options.camera } : {}) });
    }
    const { tracks } = await tracksOf(options.tracks, video, input!.relative, context);
    const track = chooseTrack(tracks, options.track, input!.path);
    const predict: Scene["predict"] = (regressor, crops) =>
      predictCrops(regressor, body, crops).map(({ projected }) =>
        scaleVertices(projected, regressor.spec.cropSize, options.size),
      );
    const flows: Scene["flows"] = (crops, pairs) => forwardFlows(flow.estimator, crops, pairs, flow.updates);
    const scene: Scene = { video, track, rows, faces: body.faces, options, predict, flows };
    return { engine, out: options.out, track: track.id, ...(await writeVideo(scene, context)) };
  } finally {
    for (const { regressor } of rows) regressor.dispose();
    flow.estimator.dispose();
    body.dispose();
  }
}

async function writeVideo(scene: Scene, context: Context): Promise<Pick<RenderResult, "frames" | "residuals">> {
  const { video, options, track, rows } = scene;
  const total = options.maxFrames ?? video.frameCount ?? Math.round(video.durationSeconds * video.fps);
  const progress = context.progress(`render ${video.path}`, { total, unit: "frames" });
  const squares = trackSquares(track, options.boxScale, video.fps, options.boxSmoothing);
  const sums = rows.map(() => 0);
  const times: number[] = [];
  let pairs = 0;
  let frames = 0;
  let radius = 0;
  let lot: Seen[] = [];
  let writer: VideoWriter | undefined;
  const put = async (isLast: boolean) => {
    const flows = lotFlows(scene, lot, medianStep(times));
    const meshes = rows.map(({ regressor }) => lotMeshes(scene, regressor, lot));
    for (const [i, seen] of lot.entries()) {
      if (i + 1 === lot.length && !isLast) break;
      const flow = flows.get(i);
      // The colours' scale follows the motion slowly, so that the video does not flicker.
      if (flow) radius = Math.max(flowRadius(flow), 0.95 * radius);
      const views = meshes.map((mesh) => ({ first: mesh.get(i), second: mesh.get(i + 1) }));
      const { image, residuals } = drawFrame(scene, seen, views, flow, radius);
      if (residuals.every(Number.isFinite) && residuals.length > 0) {
        pairs++;
        residuals.forEach((value, r) => {
          sums[r]! += value;
        });
      }
      const [height, width] = image.shape as [number, number];
      writer ??= await encodeVideo(options.out, { width, height, fps: video.fps });
      await writer.write(image);
      progress.update(++frames);
    }
    lot = lot.slice(-1);
  };
  try {
    const limit = options.maxFrames === undefined ? {} : { maxFrames: options.maxFrames };
    for await (const frame of decodeVideo(video, { ...limit, warn: context.log.warn })) {
      context.signal.throwIfAborted();
      times.push(frame.time);
      lot.push({ frame, square: squares.get(frame.index) });
      if (lot.length === LOT) await put(false);
    }
    await put(true);
    await writer?.close();
  } catch (error) {
    await writer?.abort();
    throw error;
  } finally {
    progress.finish();
  }
  return { frames, residuals: sums.map((sum) => sum / pairs) };
}

/** Observed flow from frame i of the lot to the next one, by i, where both show the person and are neighbours. */
function lotFlows({ options, flows }: Scene, lot: readonly Seen[], step: number): Map<number, FlowField> {
  const crops: Image[] = [];
  const places = new Map<number, number>();
  lot.forEach(({ frame, square }, i) => {
    if (square) places.set(i, crops.push(cropSquare(frame.image, square, options.size)) - 1);
  });
  const firsts = [...places.keys()].filter(
    (i) => places.has(i + 1) && areNeighbours(lot[i]!.frame.time, lot[i + 1]!.frame.time, step),
  );
  if (firsts.length === 0) return new Map();
  const fields = flows(
    crops,
    firsts.map((i) => [places.get(i)!, places.get(i + 1)!] as const),
  );
  return new Map(firsts.map((i, k) => [i, fields[k]!]));
}

/** Meshes in panel pixels by place in the lot. */
function lotMeshes({ predict }: Scene, regressor: Regressor, lot: readonly Seen[]): Map<number, Float32Array> {
  const places = [...lot.keys()].filter((i) => lot[i]!.square);
  const crops = places.map((i) => cropSquare(lot[i]!.frame.image, lot[i]!.square!, regressor.spec.cropSize));
  const meshes = predict(regressor, crops);
  return new Map(places.map((i, k) => [i, meshes[k]!]));
}

function drawFrame(
  scene: Scene,
  { frame, square }: Seen,
  views: readonly { readonly first: Float32Array | undefined; readonly second: Float32Array | undefined }[],
  flow: FlowField | undefined,
  radius: number,
): { readonly image: Image; readonly residuals: readonly number[] } {
  const { options, rows, faces } = scene;
  const { size } = options;
  const crop = square ? cropSquare(frame.image, square, size) : createImage(size, size);
  const residuals: number[] = [];
  const lines = views.map(({ first, second }, r) => {
    const title = rows.length > 1 ? `mesh of ${basename(rows[r]!.name)}` : "mesh";
    if (first && second && flow) {
      const panels = pairPanels({ crop, first, second, faces, flow, title }, radius);
      residuals.push(panels.meanResidual);
      return hstack([panels.mesh, panels.flow, panels.meshFlow, panels.residual], GAP);
    }
    const mesh = first ? overlayMesh(crop, first, faces) : createImage(size, size);
    const labels = [first ? title : "nobody", "no flow", "", ""];
    return hstack(
      labels.map((label, k) => labelled(k === 0 ? mesh : createImage(size, size), label)),
      GAP,
    );
  });
  const height = lines.length * size + (lines.length - 1) * GAP;
  return { image: hstack([overview(scene, frame, square, height), vstack(lines, GAP)], GAP), residuals };
}

/** The whole frame at the given height (no wider than twice that), with the crop's outline. */
function overview({ video }: Scene, frame: Frame, square: CropSquare | undefined, height: number): Image {
  const scale = Math.min(height / video.height, (2 * height) / video.width);
  const small = resizeImage(frame.image, Math.round(video.height * scale), Math.round(video.width * scale));
  if (square) {
    const at = (x: number) => scale * (x + 0.5) - 0.5;
    const { cx, cy, side } = square;
    const box = { x0: at(cx - side / 2), y0: at(cy - side / 2), x1: at(cx + side / 2), y1: at(cy + side / 2) };
    drawBox(small, box, BOX_COLOUR);
  }
  return labelled(small, `frame ${frame.index}  ${frame.time.toFixed(2)} s`);
}

function chooseTrack(tracks: readonly Track[], id: number | undefined, path: string): Track {
  const longest = [...tracks].sort((a, b) => b.boxes.size - a.boxes.size)[0];
  const chosen = id === undefined ? longest : tracks.find((track) => track.id === id);
  if (chosen) return chosen;
  if (!longest)
    throw new OptionError(path, "nobody was found; name the boxes with --tracks FILE, or give --tracks full");
  throw new OptionError("--track", `expected one of ${tracks.map((track) => track.id).join(", ")}, got ${id}`);
}

function forwardFlows(
  estimator: FlowEstimator,
  crops: readonly Image[],
  pairs: readonly (readonly [number, number])[],
  updates: number,
): FlowField[] {
  const images = imagesToTensor(crops);
  const { forward, backward } = estimator.clipFlows(images, pairs, updates);
  const [count, height, width] = forward.shape;
  const values = forward.dataSync<"float32">();
  tf.dispose([images, forward, backward]);
  const length = values.length / count;
  return pairs.map((_, i) => flowFieldFrom(values.slice(i * length, (i + 1) * length), height, width));
}
