/** @file What the main thread and the decoding worker say to each other. */

/** What the worker is to do. Afterwards it is sent "credit" for each frame taken, or "stop". */
export interface DecodeJob {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  /** How many frames the worker may have handed over, or be filling, that are not taken yet. */
  readonly queue: number;
  readonly inputOptions: readonly string[];
  readonly outputOptions: readonly string[];
  readonly filters: readonly string[];
}

/** What the worker reports: frames in order, then one end. */
export type DecodeReport =
  | {
      readonly kind: "frame";
      /** RGB, `[H,W,3]`. */
      readonly data: Uint8Array<ArrayBuffer>;
      /** Seconds; NaN where the file gives the frame no time. */
      readonly time: number;
    }
  | {
      readonly kind: "end";
      /** Why ffmpeg failed; empty if it did not. */
      readonly failure: string;
      /** What ffmpeg logged as an error: how often, the first line (rather: the first that says that the file breaks off), whether it does. */
      readonly problems: { readonly count: number; readonly first: string; readonly cutOff: boolean };
    };
