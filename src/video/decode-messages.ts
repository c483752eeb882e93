/** @file What the main thread and the decoding thread say to each other. */

/** What the thread is asked: a job, then "credit" for each frame taken, then once "stop"; after it is idle the next job. */
export type DecodeRequest = DecodeJob | "credit" | "stop";

/** The decoding of one file. */
export interface DecodeJob {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** How many frames the thread may have handed over, or be filling, that are not taken yet. */
  readonly queue: number;
  readonly inputOptions: readonly string[];
  readonly outputOptions: readonly string[];
  readonly filters: readonly string[];
}

/** What the thread reports: frames in order, then one end; after "stop" neither, but that it is idle. */
export type DecodeReport =
  | {
      readonly kind: "frame";
      /** RGB, `[H,W,3]`. */
      readonly data: Uint8Array<ArrayBuffer>;
      /** Seconds; NaN where the file gives the frame no time. */
      readonly time: number;
    }
  | DecodeEnd
  | { readonly kind: "idle" };

/** How decoding ended. */
export interface DecodeEnd {
  readonly kind: "end";
  /** Why ffmpeg failed; empty if it did not. */
  readonly failure: string;
  /** What ffmpeg logged as an error: how often, the first line (rather: the first that says that the file breaks off), whether it does. */
  readonly problems: { readonly count: number; readonly first: string; readonly cutOff: boolean };
}
