/** @file Pictures from files of any kind: PNG by fast-png, the rest by ffmpeg. */
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { Writable } from "node:stream";
import ffmpeg from "fluent-ffmpeg";
import { FormatError } from "../errors.ts";
import {
  checkedPath,
  GLOBAL_OPTIONS,
  INPUT_OPTIONS,
  isMissingFfmpeg,
  meaningfulLine,
  missingFfmpeg,
} from "../video/ffmpeg.ts";
import { probeStream, type VideoInfo } from "../video/probe.ts";
import { type Image, imageFrom } from "./image.ts";
import { jpegOrientation, turnUpright } from "./orientation.ts";
import { isPng, readPng } from "./png.ts";

/** Exif stands within the first segments, each of at most 64 KiB. */
const HEAD_BYTES = 256 * 1024;

/**
 * The picture in a file (of a video: its first frame), upright by the Exif tag of photos, without transparency. Throws
 * FormatError for missing or broken files and for more than MAX_SIDE or MAX_PIXELS, MotionCueError without ffmpeg.
 */
export async function readImage(path: string): Promise<Image> {
  const head = await readHead(await checkedPath(path, "a picture"));
  if (isPng(head)) return readPng(path);
  const isJpeg = head[0] === 0xff && head[1] === 0xd8;
  // ffmpeg takes a per cent sign in the name of a picture for a numbered series unless told otherwise.
  const options = path.includes("%") ? [...INPUT_OPTIONS, "-f", "image2", "-pattern_type", "none"] : INPUT_OPTIONS;
  const { info } = await probeStream(path, "a picture", options);
  // Only some versions of ffmpeg know the Exif tag: none is to use it.
  const image = await firstFrame(info, isJpeg ? [...options, "-noautorotate"] : options);
  return isJpeg ? turnUpright(image, jpegOrientation(head)) : image;
}

async function readHead(path: string): Promise<Uint8Array> {
  const file = await open(path, "r").catch((cause: Error) => {
    throw new FormatError(path, `cannot be read: ${cause.message}`);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function firstFrame({ path, stream, width, height }: VideoInfo, inputOptions: readonly string[]): Promise<Image> {
  const data = new Uint8Array(width * height * 3);
  let filled = 0;
  const sink = new Writable({
    emitClose: false,
    autoDestroy: false,
    write: (chunk: Uint8Array, _encoding, done) => {
      const part = chunk.subarray(0, data.length - filled);
      data.set(part, filled);
      filled += part.length;
      done();
    },
  });
  return new Promise((fulfil, reject) => {
    const log: string[] = [];
    const failed = (message: string) => {
      if (isMissingFfmpeg(message)) return reject(missingFfmpeg());
      const line = meaningfulLine(log.join("\n") || message, resolve(path));
      reject(new FormatError(path, `the picture cannot be decoded (${line}); export it again`));
    };
    const finished = new Promise<void>((drained) => sink.once("finish", drained));
    ffmpeg(resolve(path))
      .inputOptions([...inputOptions])
      .outputOptions([...GLOBAL_OPTIONS, "-map", `0:${stream}`, "-frames:v", "1", "-f", "rawvideo"])
      .videoFilters([`scale=${width}:${height}`, "setsar=1", "format=rgb24"])
      .on("stderr", (line: string) => {
        if (/\[(error|fatal)\]/.test(line)) log.push(line);
      })
      .on("error", (error: Error) => failed(error.message))
      .on("end", () =>
        finished.then(() =>
          filled === data.length ? fulfil(imageFrom(data, height, width)) : failed("it ends too early"),
        ),
      )
      .output(sink, { end: true })
      .run();
  });
}
