/** @file What an estimator has learnt, as pictures: its prior, moved parts, reconstructions, keypoints. */
import { type Tensor4D, tf } from "../../src/engine/tf.ts";
import { drawCircle, drawLine, drawText, hstack, vstack } from "../../src/image/draw.ts";
import { createImage, type Image, imageFrom, tensorToImages } from "../../src/image/image.ts";
import { resizeImage } from "../../src/image/resize.ts";
import type { TemplateBatch, TemplateEstimator } from "../../templates/estimator.ts";
import { gaussianMaps } from "../../templates/gaussian-maps.ts";
import { BODY_SEGMENTS } from "../../templates/keypoint-metrics.ts";
import type { PartTemplate } from "../../templates/part-template.ts";

/** A link between two joints and how strong it is, 0..1. */
export type Bone = readonly [from: number, to: number, strength: number];

/** Links weaker than this share of the strongest are not drawn. */
const WEAKEST = 0.1;
/** Smaller pictures are shown enlarged, px. */
const LEAST_SIDE = 96;

/**
 * One row for each pair of a batch: picture, background where one is known, reference, moved parts (one colour each) or
 * links, reconstruction where there is one, and the keypoints on the picture. Above them the part template where there is one, and the prior with its links.
 */
export function trainingPicture(estimator: TemplateEstimator, batch: TemplateBatch, parts?: PartTemplate): Image {
  const { size, jointNames } = estimator;
  const { points: prior, bones } = priorOf(estimator);
  const made = tf.tidy(() => {
    const { reconstruction, shapes } = estimator.draw(batch);
    const { keypoints } = estimator.infer(batch.images);
    return { shapes, keypoints, ...(reconstruction ? { reconstruction } : {}) };
  });
  const [pictures, references] = [batch.images, batch.references].map(tensorToImages) as [Image[], Image[]];
  const reconstructions = made.reconstruction ? tensorToImages(made.reconstruction) : [];
  const backgrounds = batch.backgrounds ? tensorToImages(batch.backgrounds) : [];
  const shapes = colourShapes(made.shapes);
  const keypoints = made.keypoints.dataSync();
  tf.dispose(made);
  const width = 2 * jointNames.length;
  const times = Math.ceil(LEAST_SIDE / size);
  const side = times * size;
  const enlarged = (points: ArrayLike<number>) => Float32Array.from(points, (x) => times * (x + 0.5) - 0.5);
  const rows = pictures.map((picture, i) => {
    const about = [...backgrounds.slice(i, i + 1), references[i]!, shapes[i]!, ...reconstructions.slice(i, i + 1)];
    const pose = resizeImage(picture, side, side);
    drawPose(pose, enlarged(keypoints.subarray(i * width, (i + 1) * width)), bones);
    return hstack([...[picture, ...about].map((image) => resizeImage(image, side, side)), pose], 2);
  });
  const head = drawPose(createImage(side, side), enlarged(prior), bones);
  drawText(head, "prior", 3, 3);
  return vstack([hstack([...(parts ? [templatePicture(parts, side)] : []), head], 2), ...rows], 2);
}

/** The prior's points [J*2] in pixels, and its links: the learnt ones, else those of the body. */
export function priorOf(estimator: TemplateEstimator): { readonly points: Float32Array; readonly bones: Bone[] } {
  const { points, links } = estimator.prior();
  const found = { points: new Float32Array(points.dataSync()), bones: bonesOf(estimator, links?.dataSync()) };
  tf.dispose([points, ...(links ? [links] : [])]);
  return found;
}

function templatePicture(parts: PartTemplate, size: number): Image {
  const maps = gaussianMaps(parts, size);
  const [image] = colourShapes(maps);
  maps.dispose();
  drawText(image!, "template", 3, 3);
  return image!;
}

function bonesOf({ jointNames }: TemplateEstimator, links: ArrayLike<number> | undefined): Bone[] {
  const count = jointNames.length;
  if (!links)
    return BODY_SEGMENTS.map(([a, b]): Bone => [jointNames.indexOf(a), jointNames.indexOf(b), 1]).filter(
      ([a, b]) => a >= 0 && b >= 0,
    );
  const strongest = Math.max(...Array.from(links), 1e-9);
  return Array.from(
    { length: count * count },
    (_, k): Bone => [Math.floor(k / count), k % count, links[k]! / strongest],
  )
    .filter(([a, b, strength]) => a < b && strength >= WEAKEST)
    .sort((one, other) => one[2] - other[2]);
}

/** Draws points [J*2] and bones into `image`, which it returns; the first joint is orange, the last blue. */
export function drawPose(image: Image, points: ArrayLike<number>, bones: readonly Bone[]): Image {
  const at = (joint: number) => [points[2 * joint]!, points[2 * joint + 1]!] as const;
  const thickness = Math.max(1, image.shape[0]! / 96);
  for (const [a, b, strength] of bones)
    drawLine(image, ...at(a), ...at(b), [255, 220, 90], { thickness, opacity: 0.25 + 0.75 * strength });
  for (let joint = 0; joint < points.length / 2; joint++) {
    const share = joint / Math.max(1, points.length / 2 - 1);
    drawCircle(image, ...at(joint), 1.4 * thickness, [255 * (1 - share), 120, 255 * share]);
  }
  return image;
}

/** Maps [B,S,S,K] as pictures: each channel in a colour of its own, one channel in grey; the strongest is brightest. */
function colourShapes(shapes: Tensor4D): Image[] {
  const [count, height, width, channels] = shapes.shape;
  const values = shapes.dataSync();
  const colours = Array.from({ length: channels }, (_, k) => hue(k / channels, channels));
  return Array.from({ length: count }, (_, b) => {
    const data = new Uint8Array(height * width * 3);
    for (let pixel = 0; pixel < height * width; pixel++) {
      const first = (b * height * width + pixel) * channels;
      for (let k = 0; k < channels; k++)
        for (let c = 0; c < 3; c++) {
          const shown = Math.min(255, 255 * Math.max(0, values[first + k]!) * colours[k]![c]!);
          if (shown > data[3 * pixel + c]!) data[3 * pixel + c] = shown;
        }
    }
    return imageFrom(data, height, width);
  });
}

function hue(turn: number, channels: number): readonly number[] {
  if (channels === 1) return [1, 1, 1];
  return [0, 1, 2].map((c) => 0.5 + 0.5 * Math.cos(2 * Math.PI * (turn - c / 3)));
}
