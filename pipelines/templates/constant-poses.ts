/** @file Predictions that look at no picture: one pose for all frames, which every estimator must beat. */
import { constantPose, frameMeans, type Keypoints, swapSides } from "../../templates/keypoint-metrics.ts";

/** Rounds of reading sides and taking averages; it has settled long before. */
const MOST_ROUNDS = 20;

/** A pose for all frames: [J*2]. */
export interface ConstantPose {
  /** `mean`: of the poses as they are; `sided mean`, `sided median`: of the poses each read with the sides that fit better. */
  readonly kind: "mean" | "sided mean" | "sided median";
  readonly pose: Float64Array;
}

/**
 * Constant poses made of the poses `known`. The sided ones are for measures that allow left and right to be exchanged: the
 * poses begin with the picture's left side at the left, then each is read as it is nearer to the average, in turn with the
 * average, until nothing changes. `mirrored[j]` is the other side of joint j, `left` the joints of the left side.
 */
export function constantPoses(known: Keypoints, mirrored: readonly number[], left: readonly number[]): ConstantPose[] {
  const { joints } = known;
  const mean: ConstantPose = { kind: "mean", pose: Float64Array.from(constantPose(known, 1).data) };
  const exchanged = swapSides(known, mirrored);
  const sided = (kind: "sided mean" | "sided median"): ConstantPose => {
    const average = kind === "sided mean" ? (of: Keypoints) => constantPose(of, 1).data : medianPose;
    let reading = read(known, exchanged, (frame) => isTurned(known, frame, mirrored, left));
    let pose = Float64Array.from(average(reading));
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const all = { data: repeated(pose, known.data.length / pose.length), joints };
      const [plain, other] = [frameMeans(known, all), frameMeans(exchanged, all)];
      reading = read(known, exchanged, (frame) => other[frame]! < plain[frame]!);
      const next = Float64Array.from(average(reading));
      if (next.every((value, i) => value === pose[i])) break;
      pose = next;
    }
    return { kind, pose };
  };
  return [mean, sided("sided mean"), sided("sided median")];
}

/** A pose for each of `frames` frames. */
export function repeated(pose: ArrayLike<number>, frames: number): Float64Array {
  return Float64Array.from({ length: frames * pose.length }, (_, i) => pose[i % pose.length]!);
}

/** Whether the joints of the left side are to the right of the others, summed. */
function isTurned(
  { data, joints }: Keypoints,
  frame: number,
  mirrored: readonly number[],
  left: readonly number[],
): boolean {
  const x = (joint: number) => data[2 * (frame * joints + joint)]!;
  return left.reduce((sum, joint) => sum + x(joint) - x(mirrored[joint]!), 0) > 0;
}

function read(plain: Keypoints, exchanged: Keypoints, isExchanged: (frame: number) => boolean): Keypoints {
  const width = 2 * plain.joints;
  const data = new Float64Array(plain.data.length);
  for (let frame = 0; frame < data.length / width; frame++) {
    const from = isExchanged(frame) ? exchanged : plain;
    for (let k = frame * width; k < (frame + 1) * width; k++) data[k] = from.data[k]!;
  }
  return { data, joints: plain.joints };
}

function medianPose({ data, joints }: Keypoints): Float64Array {
  const width = 2 * joints;
  const frames = data.length / width;
  return Float64Array.from({ length: width }, (_, k) => {
    const values = Float64Array.from({ length: frames }, (_, f) => data[f * width + k]!).sort();
    return (values[(frames - 1) >> 1]! + values[frames >> 1]!) / 2;
  });
}
