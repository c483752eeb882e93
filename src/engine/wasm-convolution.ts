/** @file Convolution gradients of the portable engine, composed of its fast kernels (padding, slices, products, convolution). */
import type { KernelFunc } from "@tensorflow/tfjs-core";
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "./tf.ts";

type Shape4D = [number, number, number, number];

/**
 * Gradient of conv2d with respect to its filter: for each tap, (the pixels under that tap)^T times dy. An im2col of one tap
 * at a time: nine products of the size that XNNPACK likes instead of nine loops over pixels.
 */
export const conv2dFilterGradient: KernelFunc = ({ inputs, attrs }) => {
  const [x, dy] = [inputs["x"], inputs["dy"]] as unknown as [Tensor4D, Tensor4D];
  const { filterShape, strides, pad, dimRoundingMode } = attrs as unknown as ConvolutionAttrs;
  const [rows, columns, inputs_, outputs] = filterShape;
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  const { top, left } = info.padInfo;
  return tf.tidy(() => {
    const pixels = info.batchSize * info.outHeight * info.outWidth;
    const right = tf.reshape(dy, [pixels, outputs]) as Tensor2D;
    const whole = (count: number, step: number, taps: number) => Math.ceil(((count - 1) * step + taps) / step) * step;
    const height = whole(info.outHeight, info.strideHeight, rows);
    const width = whole(info.outWidth, info.strideWidth, columns);
    const padded = place(x, top, left, height, width);
    const taps: Tensor[] = [];
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const under = tf.tidy(() => {
          const seen = everyNth(padded, r, c, info.outHeight, info.outWidth, info.strideHeight, info.strideWidth);
          return tf.transpose(tf.reshape(seen, [pixels, inputs_])) as Tensor2D;
        });
        taps.push(tf.matMul(under, right));
        under.dispose();
      }
    }
    return tf.reshape(tf.concat(taps, 0), filterShape);
  });
};

/** Gradient of conv2d with respect to its input: dy, spread out by the strides, convolved with the filter turned by 180 degrees. */
export const conv2dInputGradient: KernelFunc = ({ inputs, attrs }) => {
  const [dy, filter] = [inputs["dy"], inputs["filter"]] as unknown as [Tensor4D, Tensor4D];
  const { inputShape, strides, pad, dimRoundingMode } = attrs as unknown as ConvolutionAttrs;
  const info = tf.backend_util.computeConv2DInfo(inputShape, filter.shape, strides, 1, pad, dimRoundingMode);
  const { filterHeight, filterWidth } = info;
  return tf.tidy(() => {
    const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as Tensor4D;
    const spread = spreadOut(dy, info.strideHeight, info.strideWidth);
    // A full convolution over the padded input, of which the part that is the input is kept.
    const framed = place(
      spread,
      filterHeight - 1 - info.padInfo.top,
      filterWidth - 1 - info.padInfo.left,
      inputShape[1] + filterHeight - 1,
      inputShape[2] + filterWidth - 1,
    );
    return tf.conv2d(framed, turned, 1, "valid");
  });
};

interface ConvolutionAttrs {
  readonly filterShape: Shape4D;
  readonly inputShape: Shape4D;
  readonly strides: number | [number, number];
  readonly pad: "valid" | "same" | number;
  readonly dimRoundingMode?: "floor" | "round" | "ceil";
}

/** `x` moved down and right by `top` and `left` (up and left where negative) in a field of zeros of height x width. */
function place(x: Tensor4D, top: number, left: number, height: number, width: number): Tensor4D {
  const [b, h, w, channels] = x.shape;
  const [firstRow, firstColumn] = [Math.max(0, -top), Math.max(0, -left)];
  const keptRows = Math.min(h - firstRow, height - Math.max(0, top));
  const keptColumns = Math.min(w - firstColumn, width - Math.max(0, left));
  const kept =
    keptRows === h && keptColumns === w
      ? x
      : tf.slice(x, [0, firstRow, firstColumn, 0], [b, keptRows, keptColumns, channels]);
  const [above, before] = [Math.max(0, top), Math.max(0, left)];
  const [below, after] = [height - above - keptRows, width - before - keptColumns];
  if (above + before + below + after === 0) return kept;
  return tf.pad(kept, [
    [0, 0],
    [above, below],
    [before, after],
    [0, 0],
  ]) as Tensor4D;
}

/**
 * Every dr-th row from r and every dc-th column from c; height and width are multiples of dr and dc. Two slices of blocks,
 * since strided slices and gathers are slow loops here.
 */
function everyNth(x: Tensor4D, r: number, c: number, rows: number, columns: number, dr: number, dc: number): Tensor4D {
  const [b, h, w, channels] = x.shape;
  if (dr === 1 && dc === 1) return tf.slice(x, [0, r, c, 0], [b, rows, columns, channels]);
  const lines = tf.slice(
    tf.reshape(x, [b, h / dr, dr, w * channels]),
    [0, Math.floor(r / dr), r % dr, 0],
    [b, rows, 1, w * channels],
  );
  const pixels = tf.reshape(lines, [b * rows, w / dc, dc, channels]);
  const kept = tf.slice(pixels, [0, Math.floor(c / dc), c % dc, 0], [b * rows, columns, 1, channels]);
  return tf.reshape(kept, [b, rows, columns, channels]);
}

/** Zeros between the pixels: pixel (i, j) goes to (i dr, j dc). */
function spreadOut(x: Tensor4D, dr: number, dc: number): Tensor4D {
  if (dr === 1 && dc === 1) return x;
  const [b, h, w, channels] = x.shape;
  const cells = tf.pad(tf.reshape(x, [b, h, 1, w, 1, channels]), [[0, 0], [0, 0], [0, dr - 1], [0, 0], [0, dc - 1], [0, 0]]); // biome-ignore format: one line reads as the list it is
  return tf.reshape(cells, [b, h * dr, w * dc, channels]);
}
