/** @file Measurements along time, made steady: parted at gaps, then median and Gaussian mean over what is near. */

/** The measurements in runs; two that follow each other are in one where they are at most `longestGap` apart. */
export function runsOf<S>(samples: readonly S[], at: (sample: S) => number, longestGap: number): S[][] {
  const runs: S[][] = [];
  for (const sample of samples) {
    const run = runs.at(-1);
    if (run && at(sample) - at(run.at(-1)!) <= longestGap) run.push(sample);
    else runs.push([sample]);
  }
  return runs;
}

/** The median of at least one number; of an even count the mean of the middle two. */
export function median(numbers: ArrayLike<number>): number {
  const sorted = Float64Array.from(numbers).sort();
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}

/** The mean of `value` with Gaussian weights of standard deviation `sigma` about `middle`, both as `at` measures. */
export function gaussianMean<S>(
  samples: readonly S[],
  at: (sample: S) => number,
  value: (sample: S) => number,
  middle: number,
  sigma: number,
): number {
  let [sum, weights] = [0, 0];
  for (const sample of samples) {
    const weight = Math.exp(-0.5 * ((at(sample) - middle) / sigma) ** 2);
    sum += weight * value(sample);
    weights += weight;
  }
  return sum / weights;
}
