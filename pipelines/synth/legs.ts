/** @file What legs do over time. */
import { lag, type MoverSource, middle, pulse, SIDES, side, sideSeen } from "./movers.ts";

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
