/** @file The threads that decode: one is kept for the next video, since a new one takes longer to start than many a clip to decode. */
import { Worker } from "node:worker_threads";
import { MotionCueError } from "../errors.ts";
import type { DecodeJob, DecodeReport, DecodeRequest } from "./decode-messages.ts";

type JobReport = Exclude<DecodeReport, { kind: "idle" }>;

/** A job that a thread is doing. */
export interface Decoder {
  /** The next frame, or the end; fails if the thread dies. */
  next(): Promise<JobReport>;
  /** Lets the thread begin one more frame. */
  credit(): void;
  /** Ends ffmpeg and waits until it has ended. */
  stop(): Promise<void>;
}

interface Thread {
  readonly worker: Worker;
  /** Where the thread was told to look for ffmpeg: threads copy the environment when they start. */
  readonly ffmpegPath: string | undefined;
}

/** A thread without a job, which the process does not wait for. */
let idle: Thread | undefined;

/** Puts a thread to work on `job`. */
export function startDecoder(job: DecodeJob): Decoder {
  const thread = takeThread();
  const { worker } = thread;
  const waiting: JobReport[] = [];
  let failure: Error | undefined;
  let isIdle = false;
  let wake = () => {};
  const onMessage = (message: DecodeReport) => {
    if (message.kind === "idle") isIdle = true;
    else waiting.push(message);
    wake();
  };
  const onError = (error: Error) => {
    failure = new MotionCueError("decode", `the decoding thread failed: ${error.message}`);
    wake();
  };
  const onExit = () => {
    failure ??= new MotionCueError("decode", "the decoding thread ended early");
    wake();
  };
  worker.on("message", onMessage).on("error", onError).on("exit", onExit);
  const ask = (request: DecodeRequest) => worker.postMessage(request);
  /** Waits until `ready`; a loop that was left without being ended must not keep the process alive, so only this does. */
  const until = async (ready: () => boolean) => {
    worker.ref();
    while (!ready() && !failure) {
      await new Promise<void>((fulfil) => {
        wake = fulfil;
      });
    }
    worker.unref();
  };
  ask(job);
  return {
    next: async () => {
      await until(() => waiting.length > 0);
      const message = waiting.shift();
      if (!message) throw failure!;
      return message;
    },
    credit: () => ask("credit"),
    stop: async () => {
      ask("stop");
      await until(() => isIdle);
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      if (!failure) await giveBack(thread);
    },
  };
}

function takeThread(): Thread {
  const thread = idle;
  idle = undefined;
  const ffmpegPath = process.env["FFMPEG_PATH"];
  if (thread && thread.ffmpegPath === ffmpegPath) return thread;
  void thread?.worker.terminate();
  const worker = new Worker(new URL("./decode-worker-start.mjs", import.meta.url), { execArgv: [] });
  worker.unref();
  const forget = () => {
    if (idle?.worker === worker) idle = undefined;
  };
  // One that fails without a job concerns nobody.
  worker.on("error", forget).on("exit", forget);
  return { worker, ffmpegPath };
}

/** Keeps a thread for the next job; where another waits already, ends it. */
async function giveBack(thread: Thread): Promise<void> {
  if (idle) await thread.worker.terminate();
  else idle = thread;
}
