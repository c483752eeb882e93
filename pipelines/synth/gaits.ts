/** @file What legs, arms and trunk do over time: building blocks that a motion adds up. Angles as in posture.ts, seconds. */
import type { Random } from "../../src/random.ts";
import {
  type MiddleAngle,
  middleIndex,
  POSTURE_SIZE,
  randomPosture,
  type Side,
  type SideAngle,
  sideIndex,
} from "./posture.ts";

/** Adds a contribution at time `t` (seconds) to a posture. */
export type Mover = (t: number, posture: Float64Array) => void;
/** Draws a mover; `cadence` is the motion's basic angular frequency (radians per second), shared by its parts. */
export type MoverSource = (random: Random, cadence: number) => Mover;

const SIDES: readonly Side[] = ["left", "right"];
/** The right side moves half a period after the left one. */
const lag = (side: Side): number => (side === "left" ? 0 : Math.PI);

function side(posture: Float64Array, which: Side, name: SideAngle, angle: number): void {
  posture[sideIndex(name, which)]! += angle;
}
function middle(posture: Float64Array, name: MiddleAngle, angle: number): void {
  posture[middleIndex(name)]! += angle;
}
/** 0 most of the time, up to 1 in one half of the period, smooth. */
function pulse(phase: number, sharpness = 1): number {
  return (0.5 + 0.5 * Math.sin(phase)) ** sharpness;
}
/** Smooth way from 0 to 1 as `t` goes from 0 to 1 with zero speed and acceleration at both ends (minimum jerk). */
export function minimumJerk(t: number): number {
  const x = Math.min(1, Math.max(0, t));
  return x * x * x * (10 + x * (6 * x - 15));
}

/** Random postures held apart by random times, joined by minimum-jerk moves. */
export function keyedPostures(random: Random, spread: number, meanSeconds: number): Mover {
  const count = 24;
  const keys = Array.from({ length: count }, () => randomPosture(random, spread));
  const seconds = keys.map(() => meanSeconds * random.uniform(0.5, 1.6));
  const total = seconds.reduce((sum, x) => sum + x, 0);
  return (t, posture) => {
    let left = ((t % total) + total) % total;
    let i = 0;
    while (left >= seconds[i]!) left -= seconds[i++]!;
    const a = keys[i]!;
    const b = keys[(i + 1) % count]!;
    const w = minimumJerk((1.15 * left) / seconds[i]!);
    for (let k = 0; k < POSTURE_SIZE; k++) posture[k]! += a[k]! + w * (b[k]! - a[k]!);
  };
}

/** Sums of slow sinusoids about a random posture: a dance without steps. */
export function dance(random: Random, cadence: number): Mover {
  const base = randomPosture(random, 0.6);
  const amplitude = randomPosture(random, 0.75);
  const phases = Float64Array.from(amplitude, () => random.uniform(0, 2 * Math.PI));
  const rates = Float64Array.from(amplitude, () => cadence * random.pick([0.25, 0.5, 0.5, 1]));
  return (t, posture) => {
    for (let k = 0; k < POSTURE_SIZE; k++)
      posture[k]! += base[k]! + amplitude[k]! * Math.sin(rates[k]! * t + phases[k]!);
  };
}

const sideSeen = (random: Random): readonly Side[] => random.pick([["left"], ["right"], SIDES, SIDES]);

/** What the legs do. */
export const LEGS = {
  stand: (random, cadence) => {
    const spread = random.uniform(0, 0.2);
    const sway = random.uniform(0, 0.05);
    return (t, p) => {
      for (const s of SIDES) {
        side(p, s, "hipSpread", spread + (s === "left" ? 1 : -1) * sway * Math.sin(0.3 * cadence * t));
        side(p, s, "hipTwist", 0.1);
        side(p, s, "knee", 0.05);
      }
      middle(p, "lean", 0.5 * sway * Math.sin(0.3 * cadence * t));
    };
  },
  walk: (random, cadence) => {
    const step = random.uniform(0.3, 0.55);
    const bend = random.uniform(0.6, 1.1);
    return (t, p) => {
      for (const s of SIDES) {
        const phase = cadence * t + lag(s);
        side(p, s, "hipFlex", 0.1 + step * Math.sin(phase));
        side(p, s, "knee", 0.1 + bend * pulse(phase + 1.9, 2.5));
        side(p, s, "ankle", 0.15 * Math.sin(phase + 2.6));
      }
      middle(p, "turn", 0.12 * Math.sin(cadence * t));
      middle(p, "bend", 0.05);
    };
  },
  run: (random, cadence) => {
    const step = random.uniform(0.6, 0.9);
    const bend = random.uniform(1.3, 1.9);
    return (t, p) => {
      for (const s of SIDES) {
        const phase = 1.5 * cadence * t + lag(s);
        side(p, s, "hipFlex", 0.3 + step * Math.sin(phase));
        side(p, s, "knee", 0.35 + bend * pulse(phase + 1.9, 1.6));
        side(p, s, "ankle", 0.25 * Math.sin(phase + 2.6));
      }
      middle(p, "turn", 0.2 * Math.sin(1.5 * cadence * t));
      middle(p, "bend", 0.2);
    };
  },
  march: (random, cadence) => {
    const height = random.uniform(0.7, 1.6);
    return (t, p) => {
      for (const s of SIDES) {
        const lift = pulse(cadence * t + lag(s), 2);
        side(p, s, "hipFlex", height * lift);
        side(p, s, "knee", 0.08 + 1.1 * height * lift);
      }
    };
  },
  squat: (random, cadence) => {
    const depth = random.uniform(0.6, 1);
    const spread = random.uniform(0.1, 0.35);
    return (t, p) => {
      const low = depth * pulse(0.6 * cadence * t, 1);
      for (const s of SIDES) {
        side(p, s, "hipFlex", 1.6 * low);
        side(p, s, "knee", 1.9 * low);
        side(p, s, "ankle", -0.35 * low);
        side(p, s, "hipSpread", spread);
        side(p, s, "hipTwist", 0.7 * spread);
      }
      middle(p, "bend", 0.5 * low);
    };
  },
  lunge: (random, cadence) => {
    const depth = random.uniform(0.5, 1);
    const front = random.pick(SIDES);
    return (t, p) => {
      const low = depth * pulse(0.5 * cadence * t, 1);
      for (const s of SIDES) {
        side(p, s, "hipFlex", s === front ? 1.3 * low : -0.3 * low);
        side(p, s, "knee", (s === front ? 1.3 : 1.2) * low);
      }
    };
  },
  kick: (random, cadence) => {
    const kicking = sideSeen(random);
    const height = random.uniform(0.7, 1.6);
    return (t, p) => {
      for (const s of SIDES) {
        const on = kicking.includes(s) ? 1 : 0;
        const phase = 0.7 * cadence * t + lag(s);
        side(p, s, "hipFlex", on * height * (pulse(phase, 4) - 0.25 * pulse(phase + 1.4, 4)));
        side(p, s, "knee", 0.1 + on * 1.2 * pulse(phase + 1, 4));
      }
      middle(p, "bend", -0.15 * pulse(0.7 * cadence * t, 4));
    };
  },
  sideStep: (random, cadence) => {
    const width = random.uniform(0.25, 0.7);
    return (t, p) => {
      for (const s of SIDES) {
        const lift = pulse(0.7 * cadence * t + lag(s), 2);
        side(p, s, "hipSpread", width * lift);
        side(p, s, "knee", 0.1 + 0.3 * lift);
      }
      middle(p, "lean", 0.12 * Math.sin(0.7 * cadence * t));
    };
  },
  jack: (random, cadence) => {
    const width = random.uniform(0.3, 0.6);
    return (t, p) => {
      for (const s of SIDES) side(p, s, "hipSpread", width * pulse(cadence * t));
    };
  },
  sit: (random, cadence) => {
    const [hip, knee] = [random.uniform(1.2, 1.7), random.uniform(1.2, 1.7)];
    const spread = random.uniform(0.05, 0.35);
    const swing = random.uniform(0, 0.25);
    return (t, p) => {
      for (const s of SIDES) {
        side(p, s, "hipFlex", hip);
        side(p, s, "knee", knee + swing * Math.sin(0.5 * cadence * t + lag(s)));
        side(p, s, "hipSpread", spread);
      }
      middle(p, "bend", 0.15);
    };
  },
} as const satisfies Record<string, MoverSource>;

/** What the arms do. */
export const ARMS = {
  hang: (random, cadence) => {
    const [elbow, raise] = [random.uniform(0.05, 0.5), random.uniform(0.05, 0.3)];
    return (t, p) => {
      for (const s of SIDES) {
        side(p, s, "elbow", elbow);
        side(p, s, "armRaise", raise + 0.03 * Math.sin(0.4 * cadence * t));
      }
    };
  },
  swing: (random, cadence) => {
    const [width, elbow] = [random.uniform(0.2, 0.8), random.uniform(0.2, 1.4)];
    return (t, p) => {
      for (const s of SIDES) {
        // Against the leg of the same side.
        const phase = Math.sin(cadence * t + lag(s) + Math.PI);
        side(p, s, "armSwing", width * phase);
        side(p, s, "armRaise", 0.15);
        side(p, s, "elbow", elbow + 0.35 * width * phase);
      }
    };
  },
  wave: (random, cadence) => {
    const waving = sideSeen(random);
    const [raise, elbow, width] = [random.uniform(1.1, 2.4), random.uniform(0.5, 1.4), random.uniform(0.3, 0.6)];
    return (t, p) => {
      for (const s of SIDES) {
        const on = waving.includes(s) ? 1 : 0.08;
        side(p, s, "armRaise", on * (raise + 0.3 * width * Math.sin(cadence * t)));
        side(p, s, "elbow", on * (elbow + width * Math.sin(1.5 * cadence * t)));
        side(p, s, "armTwist", on * -0.7);
      }
    };
  },
  raise: (random, cadence) => {
    const height = random.uniform(1, 2.5);
    const apart = random.pick([0, 0, Math.PI]);
    return (t, p) => {
      for (const s of SIDES) {
        side(p, s, "armRaise", 0.1 + height * pulse(0.8 * cadence * t + (s === "left" ? 0 : apart)));
        side(p, s, "elbow", 0.2);
      }
    };
  },
  forward: (random, cadence) => {
    const height = random.uniform(0.8, 2.2);
    const apart = random.pick([0, 0, Math.PI]);
    const elbow = random.uniform(0, 1);
    return (t, p) => {
      for (const s of SIDES) {
        const lift = pulse(0.8 * cadence * t + (s === "left" ? 0 : apart));
        side(p, s, "armSwing", height * lift);
        side(p, s, "elbow", elbow * (1 - lift) + 0.1);
        side(p, s, "armRaise", 0.1);
      }
    };
  },
  punch: (random, cadence) => {
    const height = random.uniform(1, 1.6);
    return (t, p) => {
      for (const s of SIDES) {
        const out = pulse(1.2 * cadence * t + lag(s), 3);
        side(p, s, "armSwing", 0.6 + (height - 0.6) * out);
        side(p, s, "elbow", 2.1 * (1 - out));
        side(p, s, "armRaise", 0.2);
        side(p, s, "armAcross", 0.2 * out);
      }
      middle(p, "turn", -0.35 * Math.sin(1.2 * cadence * t));
    };
  },
  circle: (random, cadence) => {
    const [radius, raise] = [random.uniform(0.3, 0.8), random.uniform(0.9, 1.5)];
    return (t, p) => {
      for (const s of SIDES) {
        side(p, s, "armRaise", raise + radius * Math.sin(cadence * t));
        side(p, s, "armAcross", 0.3 + radius * Math.cos(cadence * t));
        side(p, s, "elbow", 0.15);
      }
    };
  },
  hips: (random, cadence) => {
    const elbow = random.uniform(1.2, 1.7);
    return (t, p) => {
      for (const s of SIDES) {
        side(p, s, "armRaise", 0.7 + 0.06 * Math.sin(0.5 * cadence * t));
        side(p, s, "elbow", elbow);
        side(p, s, "armTwist", 0.8);
        side(p, s, "armSwing", -0.25);
      }
    };
  },
  clap: (random, cadence) => {
    const height = random.uniform(0.6, 1.6);
    return (t, p) => {
      const open = pulse(1.3 * cadence * t);
      for (const s of SIDES) {
        side(p, s, "armSwing", height);
        side(p, s, "armAcross", 0.35 - 0.8 * open);
        side(p, s, "elbow", 0.9 - 0.4 * open);
        side(p, s, "armRaise", 0.1 + 0.3 * open);
      }
    };
  },
  reach: (random, cadence) => {
    const arms = keyedPostures(random, 1.1, 5 / cadence);
    const buffer = new Float64Array(POSTURE_SIZE);
    const names: readonly SideAngle[] = [
      "armRaise",
      "armSwing",
      "armAcross",
      "armTwist",
      "elbow",
      "forearmTwist",
      "wrist",
    ];
    return (t, p) => {
      arms(t, buffer.fill(0));
      for (const s of SIDES) for (const name of names) side(p, s, name, buffer[sideIndex(name, s)]!);
    };
  },
} as const satisfies Record<string, MoverSource>;
