/** @file What arms do over time. */
import { keyedPostures, lag, type MoverSource, middle, pulse, SIDES, side, sideSeen } from "./movers.ts";
import { POSTURE_SIZE, type SideAngle, sideIndex } from "./posture.ts";

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
