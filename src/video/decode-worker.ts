/** @file The decoding thread: for each job it runs ffmpeg, cuts its output into frames, hands each one over uncopied. */
import { Writable } from "node:stream";
import { parentPort } from "node:worker_threads";
import ffmpeg, { type FfmpegCommand } from "fluent-ffmpeg";
import type { DecodeJob, DecodeReport, DecodeRequest } from "./decode-messages.ts";

const port = parentPort!;
const report = (message: DecodeReport, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

/** A job being done. */
interface Decoding {
  /** One more frame may be begun. */
  credit(): void;
  /** Ends ffmpeg if it still runs, then reports "idle". */
  stop(): void;
}

function begin(job: DecodeJob): Decoding {
  const frameBytes = job.width * job.height * 3;
  /** How many more frames may be begun. Without credit nothing is read, and ffmpeg waits at its full pipe. */
  let credits = job.queue;
  let buffer: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  /** Goes on with a chunk that waits for credit. */
  let resume: (() => void) | undefined;

  /** Frames and times come through different pipes; each waits here for the other. */
  const frames: Uint8Array<ArrayBuffer>[] = [];
  const times: number[] = [];
  let secondsPerTick = 0;
  /** An ffmpeg that logs its times in another way would be waited for without end. */
  const patience = setTimeout(giveUp, 30_000).unref();

  const problems = { count: 0, first: "", cutOff: false };
  let outcome: { readonly failure: string } | undefined;
  let drained = false;
  let command: FfmpegCommand;
  let started = false;
  let stopping = false;

  function take(chunk: Uint8Array, done: () => void): void {
    let at = 0;
    const proceed = () => {
      while (at < chunk.length) {
        if (!buffer) {
          if (credits === 0) {
            resume = proceed;
            return;
          }
          credits--;
          buffer = new Uint8Array(frameBytes);
          filled = 0;
        }
        const part = Math.min(frameBytes - filled, chunk.length - at);
        buffer.set(chunk.subarray(at, at + part), filled);
        at += part;
        filled += part;
        if (filled === frameBytes) {
          frames.push(buffer);
          buffer = undefined;
          deliver();
        }
      }
      done();
    };
    proceed();
  }

  function deliver(): void {
    while (frames.length > 0 && times.length > 0) send(frames.shift()!, times.shift()!);
  }

  function send(data: Uint8Array<ArrayBuffer>, time: number): void {
    if (!stopping) report({ kind: "frame", data, time }, [data.buffer]);
  }

  function readLog(line: string): void {
    const shown = /\] n: *\d+ +pts: *(-?\d+|NOPTS)/.exec(line);
    if (shown) {
      times.push(Number(shown[1]) * secondsPerTick);
      clearTimeout(patience);
      deliver();
      return;
    }
    const base = /config in time_base: (\d+)\/(\d+)/.exec(line);
    if (base) secondsPerTick = Number(base[1]) / Number(base[2]);
    if (!/\[(error|fatal|panic)\]|corrupt decoded frame/.test(line) || line.includes("'fps_mode'")) return;
    problems.count++;
    const cutOff = /partial file|ended prematurely/.test(line);
    if (problems.count === 1 || (cutOff && !problems.cutOff)) problems.first = line;
    problems.cutOff ||= cutOff;
  }

  function end(failure: string): void {
    for (const frame of frames.splice(0)) send(frame, times.shift() ?? Number.NaN);
    if (!stopping) report({ kind: "end", failure, problems });
  }

  function finish(): void {
    if (outcome && drained) end(outcome.failure);
  }

  function giveUp(): void {
    // Without a whole frame it is the file that is slow.
    if (frames.length > 0)
      report({ kind: "end", failure: "this version of ffmpeg does not log the times of frames", problems });
  }

  /** Starts ffmpeg, which passes every frame through once; `rateOption` is how its version is told so. */
  function start(rateOption: "-fps_mode" | "-vsync"): void {
    const sink = new Writable({
      // fluent-ffmpeg takes a stream that closes for a reader that left, and reports an error.
      emitClose: false,
      autoDestroy: false,
      write: (chunk: Uint8Array, _encoding, done) => take(chunk, done),
      final: (done) => {
        drained = true;
        done();
        finish();
      },
    });
    drained = false;
    started = false;
    let unknownOption = false;
    const ended = (failure: string) => {
      if (unknownOption && !stopping) return start("-vsync");
      outcome = { failure };
      if (stopping) return rest();
      // An ffmpeg that never ran has no output that could end.
      drained ||= !started;
      finish();
    };
    command = ffmpeg(job.path)
      .inputOptions([...job.inputOptions])
      .outputOptions([...job.outputOptions, rateOption, "passthrough"])
      .videoFilters([...job.filters])
      .on("start", () => {
        started = true;
        if (stopping) command.kill("SIGKILL");
      })
      .on("stderr", (line: string) => {
        unknownOption ||= line.includes("Unrecognized option 'fps_mode'");
        readLog(line);
      })
      .on("end", () => ended(""))
      .on("error", (error: Error) => ended(error.message));
    command.output(sink, { end: true }).run();
  }

  function rest(): void {
    clearTimeout(patience);
    report({ kind: "idle" });
  }

  // Versions before 5.1 have another name for it.
  start("-fps_mode");
  return {
    credit: () => {
      credits++;
      const proceed = resume;
      resume = undefined;
      proceed?.();
    },
    // A killed ffmpeg is waited for, or it would stay a zombie.
    stop: () => {
      stopping = true;
      if (outcome) rest();
      else if (started) command.kill("SIGKILL");
    },
  };
}

let current: Decoding | undefined;
port.on("message", (request: DecodeRequest) => {
  if (request === "credit") current?.credit();
  else if (request === "stop") current?.stop();
  else current = begin(request);
});
