/** @file Pictures on the host: `[H,W,3]` RGB bytes as ndarray views, and their way to tensors and back. */
import ndarray, { type NdArray } from "ndarray";
import { type Tensor4D, tf } from "../engine/tf.ts";
import { MotionCueError, ShapeError } from "../errors.ts";

/** RGB, shape `[H,W,3]`, row after row without gaps: `data[(y*W + x)*3 + c]`. Pixel (0,0) is the top-left one. */
export type Image = NdArray<Uint8Array>;

/** The longest side of a picture or video that is accepted from a file, in pixels. */
export const MAX_SIDE = 16384;
/** The most pixels of one picture or frame that are accepted from a file (300 MB as RGB). */
export const MAX_PIXELS = 100_000_000;

/** A black picture of `height` rows and `width` columns. */
export function createImage(height: number, width: number): Image {
  return imageFrom(new Uint8Array(height * width * 3), height, width);
}

/** A picture over `data` (not copied), which must hold `height * width * 3` bytes; ShapeError otherwise. */
export function imageFrom(data: Uint8Array, height: number, width: number): Image {
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0))
    throw new MotionCueError("image", `expected sides of at least 1 px, got ${width}x${height}`);
  if (data.length !== height * width * 3) throw new ShapeError("image", `[${height}*${width}*3]`, [data.length]);
  return ndarray(data, [height, width, 3]);
}

/** `{height, width}` of a picture, whose layout is checked: ShapeError unless it is contiguous `[H,W,3]`. */
export function sizeOf(image: Image): { readonly height: number; readonly width: number } {
  const [height = 0, width = 0, channels] = image.shape;
  const contiguous =
    image.offset === 0 && image.stride[2] === 1 && image.stride[1] === 3 && image.stride[0] === width * 3;
  if (image.dimension !== 3 || channels !== 3 || !contiguous || image.data.length !== height * width * 3)
    throw new ShapeError("image", "[H, W, 3], contiguous", image.shape);
  return { height, width };
}

/** Pictures of one size as a float tensor `[B,H,W,3]` in 0..1. ShapeError where sizes differ. */
export function imagesToTensor(images: readonly Image[]): Tensor4D {
  const first = images[0];
  if (!first) throw new MotionCueError("images", "expected at least one image, got none");
  const { height, width } = sizeOf(first);
  const length = height * width * 3;
  const values = new Float32Array(images.length * length);
  images.forEach((image, b) => {
    const size = sizeOf(image);
    if (size.height !== height || size.width !== width)
      throw new ShapeError(`image ${b} of a batch`, `[${height}, ${width}, 3]`, image.shape);
    const { data } = image;
    for (let i = 0, o = b * length; i < length; i++, o++) values[o] = data[i]! / 255;
  });
  return tf.tensor4d(values, [images.length, height, width, 3]);
}

/** The pictures of a tensor `[B,H,W,3]` in 0..1, rounded to bytes; values outside are clipped, NaN becomes 0. */
export function tensorToImages(tensor: Tensor4D): Image[] {
  const [count, height, width, channels] = tensor.shape;
  if (channels !== 3) throw new ShapeError("images", "[B, H, W, 3]", tensor.shape);
  const values = tensor.dataSync();
  const length = height * width * 3;
  return Array.from({ length: count }, (_, b) => {
    const data = new Uint8ClampedArray(length);
    for (let i = 0, o = b * length; i < length; i++, o++) data[i] = values[o]! * 255;
    return imageFrom(new Uint8Array(data.buffer), height, width);
  });
}
