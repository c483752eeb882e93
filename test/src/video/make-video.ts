/** @file Small videos that the tests make for themselves. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

/** Runs ffmpeg with `args`; fails with its message. */
export function runFfmpeg(...args: string[]): void {
  execFileSync("ffmpeg", ["-v", "error", "-nostdin", "-y", ...args]);
}

/**
 * A 10 frames per second H.264 file of `frames` pictures 64 x 48, all of whose bytes encode the frame's number: grey
 * 20 * number + 10, but for a red left upper quarter. `filters` go after, `options` before the file's name.
 */
export function makeClip(path: string, frames: number, filters = "null", options: readonly string[] = []): void {
  const source = `color=black:s=64x48:r=10,format=rgb24,geq=r='20*N+10':g='20*N+10':b='20*N+10'`;
  const corner = "drawbox=w=iw/2:h=ih/2:color=red:t=fill";
  runFfmpeg(
    ...["-f", "lavfi", "-i", `${source},${corner},${filters}`, "-frames:v", `${frames}`, "-pix_fmt", "yuv420p"],
    ...["-c:v", "libx264", "-qp", "8", ...options, path],
  );
}

/** Gives the track of an MP4 file a display matrix that turns pictures 90 degrees clockwise: x' = -y, y' = x. */
export function turnClockwise(path: string): void {
  const bytes = readFileSync(path);
  const matrix = bytes.indexOf("tkhd", 0, "latin1") + 44;
  [0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000].forEach((value, i) => bytes.writeInt32BE(value, matrix + 4 * i));
  writeFileSync(path, bytes);
}
