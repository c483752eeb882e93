import { describe, expect, it } from "vitest";
import { createLog, silentLog } from "../../src/log.ts";
import { createProgress, duration } from "../../src/progress.ts";

/** A stream that keeps what is written, and a clock that is set by hand. */
function surroundings(isTTY: boolean) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const log = createLog({ isTTY, columns: 100, write: (text: string) => written.push(text) });
  return { log, written, clock, now: () => clock.ms };
}

describe("progress without a terminal", () => {
  it("is a line at most every ten seconds, and one at the end", () => {
    const { log, written, clock, now } = surroundings(false);
    const progress = createProgress(log, "training", { total: 400, unit: "steps", now });
    for (let step = 1; step <= 250; step++) {
      clock.ms = step * 100;
      progress.update(step, `loss ${(1 / step).toFixed(3)}`);
    }
    progress.finish();
    progress.finish();
    expect(written).toEqual([
      "training 100/400 steps  10.0 steps/s  0:30 left  loss 0.010\n",
      "training 200/400 steps  10.0 steps/s  0:20 left  loss 0.005\n",
      "training 250/400 steps  10.0 steps/s  in 0:25  loss 0.004\n",
    ]);
  });

  it("leaves what was done before a resumed run out of the rate", () => {
    const { log, written, clock, now } = surroundings(false);
    const progress = createProgress(log, "training", { total: 1000, start: 900, now });
    clock.ms = 20_000;
    progress.update(920);
    expect(written).toEqual(["training 920/1000  1.00/s  1:20 left\n"]);
  });
});

describe("progress on a terminal", () => {
  it("redraws one line at most every 100 ms, under lines of news", () => {
    const { log, written, clock, now } = surroundings(true);
    const progress = createProgress(log, "a.mp4", { total: 4, unit: "frames", now });
    clock.ms = 1000;
    progress.update(1);
    clock.ms = 1050;
    progress.update(2);
    log.warn("something");
    clock.ms = 2000;
    progress.update(2);
    progress.finish("done");
    const bar1 = "a.mp4 1/4 frames  [######------------------]  1.00 frames/s  0:03 left";
    const bar2 = "a.mp4 2/4 frames  [############------------]  1.00 frames/s  0:02 left";
    const clear = "\r\x1b[2K";
    expect(written).toEqual([
      `${clear}${bar1}`,
      `${clear}warning: something\n${bar1}`,
      `${clear}${bar2}`,
      clear,
      "a.mp4 2/4 frames  1.00 frames/s  in 0:02  done\n",
    ]);
  });

  it("cuts the line to the terminal's width and keeps news on one line", () => {
    const { log, written } = surroundings(true);
    log.status("x".repeat(200));
    expect(written[0]).toHaveLength("\r\x1b[2K".length + 99);
    log.status("");
    written.length = 0;
    log.info("two\n  lines");
    expect(written).toEqual(["two lines\n"]);
  });
});

describe("duration", () => {
  it.each([
    [0.4, "0:00"],
    [59.6, "1:00"],
    [754, "12:34"],
    [3723, "1:02:03"],
    [Number.POSITIVE_INFINITY, "?"],
  ])("%d s is %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});

it("the silent log takes everything and does nothing", () => {
  const progress = createProgress(silentLog, "quiet");
  progress.update(1);
  progress.finish();
  expect(silentLog.live).toBe(false);
});
