/** @file .npz files whose arrays grow row by row on the disk, so that a long job does not hold them in memory. */
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { MotionCueError, ShapeError } from "../errors.ts";
import { bytesOf, elementCount, type HostDtype, itemBytes, type TypedArray } from "./host-tensor.ts";
import { formatNpy, type NpyArray, npyHeader } from "./npy.ts";
import { pendingFile } from "./write-file.ts";
import { type ZipMember, zipEnd, zipHeader } from "./zip-write.ts";

/** One array: its element type and the shape of one row. */
export interface Column {
  readonly dtype: HostDtype;
  readonly shape: readonly number[];
}

/** An archive in the making. Its file appears under its name with `close`, whole, or not at all. */
export interface NpzColumns {
  /** Rows so far. */
  readonly rows: number;
  /** Adds one row to every column; ShapeError where one is missing or of another length. */
  append(row: Readonly<Record<string, TypedArray>>): Promise<void>;
  /** Writes the archive: the columns as `[rows, ...shape]`, and `extras` beside them. */
  close(extras?: Readonly<Record<string, NpyArray>>): Promise<void>;
  /** Removes everything; does nothing after `close`. */
  abort(): Promise<void>;
}

const BUFFER_BYTES = 1 << 18;
const LIMIT = 0xffffffff;

/** Begins the archive `path`. Rows wait in files of their own beside it. Throws MotionCueError where it cannot be written. */
export async function createNpzColumns(path: string, columns: Readonly<Record<string, Column>>): Promise<NpzColumns> {
  const pending = await pendingFile(path);
  const files = new Map<string, RawFile>();
  for (const name of Object.keys(columns)) files.set(name, await createRawFile(`${pending.temporary}.${name}`));
  let rows = 0;
  let open_ = true;
  const abort = async () => {
    if (!open_) return;
    open_ = false;
    for (const file of files.values()) await file.remove();
    await pending.discard();
  };
  return {
    abort,
    get rows() {
      return rows;
    },
    async append(row) {
      for (const [name, { shape }] of Object.entries(columns)) {
        const data = row[name];
        if (data?.length !== elementCount(shape))
          throw new ShapeError(`${path}: ${name}`, `[${shape}]`, [data?.length ?? 0]);
        await files.get(name)!.append(bytesOf(data));
      }
      rows++;
    },
    async close(extras = {}) {
      try {
        const out = await open(pending.temporary, "w");
        try {
          await writeArchive(path, out, columns, files, rows, extras);
          await out.sync();
        } finally {
          await out.close();
        }
        for (const file of files.values()) await file.remove();
        await pending.commit();
        open_ = false;
      } catch (error) {
        await abort();
        throw error;
      }
    },
  };
}

async function writeArchive(
  path: string,
  out: FileHandle,
  columns: Readonly<Record<string, Column>>,
  files: ReadonlyMap<string, RawFile>,
  rows: number,
  extras: Readonly<Record<string, NpyArray>>,
): Promise<void> {
  const directory: Uint8Array[] = [];
  let offset = 0;
  const add = async (name: string, pieces: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>) => {
    let crc = 0;
    let size = 0;
    for await (const piece of pieces()) {
      crc = crc32(piece, crc);
      size += piece.length;
    }
    const member: ZipMember = { name: `${name}.npy`, crc, size, packedSize: size };
    const local = zipHeader(member, offset, "local");
    directory.push(zipHeader(member, offset, "central"));
    await out.writeFile(local);
    for await (const piece of pieces()) await out.writeFile(piece);
    offset += local.length + size;
    if (offset > LIMIT) throw new MotionCueError(path, "would need 4 GiB or more; work on a part of the video");
  };
  for (const [name, { dtype, shape }] of Object.entries(columns)) {
    const header = npyHeader(dtype, [rows, ...shape]);
    const file = files.get(name)!;
    await file.flush();
    if (file.bytes() !== rows * elementCount(shape) * itemBytes(dtype))
      throw new MotionCueError(path, `${name} is incomplete`);
    await add(name, async function* () {
      yield header;
      yield* file.read();
    });
  }
  for (const [name, array] of Object.entries(extras)) await add(name, () => [formatNpy(array)]);
  for (const entry of directory) await out.writeFile(entry);
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  await out.writeFile(zipEnd(directory.length, size, offset));
}

interface RawFile {
  append(bytes: Uint8Array): Promise<void>;
  flush(): Promise<void>;
  bytes(): number;
  read(): AsyncIterable<Uint8Array>;
  remove(): Promise<void>;
}

async function createRawFile(path: string): Promise<RawFile> {
  const handle = await open(path, "w");
  const buffer = new Uint8Array(BUFFER_BYTES);
  let filled = 0;
  let written = 0;
  let isOpen = true;
  const flush = async () => {
    if (filled > 0) await handle.writeFile(buffer.subarray(0, filled));
    written += filled;
    filled = 0;
  };
  return {
    flush,
    bytes: () => written + filled,
    async append(bytes) {
      for (let done = 0; done < bytes.length; ) {
        const count = Math.min(bytes.length - done, BUFFER_BYTES - filled);
        buffer.set(bytes.subarray(done, done + count), filled);
        filled += count;
        done += count;
        if (filled === BUFFER_BYTES) await flush();
      }
    },
    read: () => createReadStream(path) as AsyncIterable<Uint8Array>,
    async remove() {
      if (isOpen) await handle.close();
      isOpen = false;
      await rm(path, { force: true });
    },
  };
}
