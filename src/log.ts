/** @file What a long job says on stderr: lines, and on a terminal one status line that is redrawn in place. */

/** Where a job reports what it does. Results are returned, never logged. */
export interface Log {
  /** True when the status line is shown, which is on a terminal only. */
  readonly live: boolean;
  /** One line of news. */
  info(line: string): void;
  /** One line about something the user should know of although work goes on. */
  warn(line: string): void;
  /** Replaces the status line; "" removes it. Does nothing where `live` is false. */
  status(line: string): void;
}

/** The part of a stream that a log needs. */
export interface LogStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const CLEAR_LINE = "\r\x1b[2K";

/** A log on `stream`. Lines and the status line share a terminal without tearing; line breaks inside a line become spaces. */
export function createLog(stream: LogStream): Log {
  const live = stream.isTTY === true;
  let status = "";
  const line = (text: string) => {
    const whole = `${text.replace(/\s*\n\s*/g, " ")}\n`;
    stream.write(status === "" ? whole : `${CLEAR_LINE}${whole}${status}`);
  };
  return {
    live,
    info: line,
    warn: (text) => line(`warning: ${text}`),
    status(text) {
      if (!live) return;
      const cut = text.slice(0, Math.max(1, (stream.columns ?? 80) - 1));
      if (cut === status) return;
      status = cut;
      stream.write(CLEAR_LINE + status);
    },
  };
}

/** A log that says nothing: for programs that call MotionCue's functions, and for tests. */
export const silentLog: Log = { live: false, info() {}, warn() {}, status() {} };
