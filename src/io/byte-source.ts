/** @file Bytes read by position, from a file or from memory, so that a large container need not be held whole. */
import { type FileHandle, open } from "node:fs/promises";
import { FormatError } from "../errors.ts";

/** Something that is read by position. `close` frees the file. */
export interface ByteSource {
  /** Path, or a name to call it by in messages. */
  readonly name: string;
  readonly size: number;
  /** A fresh copy of `length` bytes at `offset`, aligned to 8. Throws FormatError where they reach past the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Calls `work` on an opened path or on bytes, and closes. `name` is what messages call bytes. */
export async function withSource<T>(
  input: string | Uint8Array,
  work: (source: ByteSource) => Promise<T>,
  name = "data",
): Promise<T> {
  const source = typeof input === "string" ? await openFile(input) : bytesSource(input, name);
  try {
    return await work(source);
  } finally {
    await source.close();
  }
}

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array, name = "data"): ByteSource {
  return {
    name,
    size: bytes.length,
    read: async (offset, length) => {
      checkRange(name, bytes.length, offset, length);
      return Uint8Array.prototype.slice.call(bytes, offset, offset + length);
    },
    close: async () => undefined,
  };
}

/** A source over a file. Throws FormatError for a path that is missing, a folder or not readable. */
export async function openFile(path: string): Promise<ByteSource> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    throw new FormatError(path, error.code === "ENOENT" ? "there is no such file" : `cannot be opened (${error.code})`);
  });
  const stat = await file.stat();
  if (!stat.isFile()) {
    await file.close();
    throw new FormatError(path, `expected a file, got a ${stat.isDirectory() ? "folder" : "device or pipe"}`);
  }
  return {
    name: path,
    size: stat.size,
    read: async (offset, length) => {
      checkRange(path, stat.size, offset, length);
      return readFully(file, path, offset, length);
    },
    close: () => file.close(),
  };
}

async function readFully(file: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    // One read call moves less than 2^31 bytes.
    const step = Math.min(length - done, 2 ** 30);
    const { bytesRead } = await file.read(bytes, done, step, offset + done);
    if (bytesRead === 0) throw new FormatError(path, "the file became shorter while it was read");
    done += bytesRead;
  }
  return bytes;
}

function checkRange(name: string, size: number, offset: number, length: number): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!whole || offset + length > size) {
    throw new FormatError(name, `cut short or broken: ${length} bytes wanted at ${offset}, the file has ${size}`);
  }
}
