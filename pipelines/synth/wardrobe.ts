/**
 * @file How people of the rich world look: skins of all tones, hair styles, beards, caps, and clothes of many cuts with
 * patterns, prints, belts, stripes along the seams, gloves and socks. Solid texture as in appearance.ts.
 */
import type { Random } from "../../src/random.ts";
import { HAIR, type Landmarks, SKIN, type Surface } from "./appearance.ts";
import { createCloth } from "./cloth.ts";
import { type Colour, grey, randomColour, scaled } from "./colours.ts";
import { bandLimit, createNoise, type Noise, smoothStep } from "./noise.ts";

/** Draws the look of one person of the rich world. */
export function createRichAppearance(random: Random, l: Landmarks): Surface {
  const noise = createNoise(random);
  const skinColour = drawSkin(random);
  const skin = createSkin(random, noise, skinColour);
  const shirt = createCloth(random, noise, clothColour(random), true);
  const trousers = random.next() < 0.12 ? shirt : createCloth(random, noise, clothColour(random), true);
  const shoes = createCloth(
    random,
    noise,
    random.next() < 0.6 ? grey(random.uniform(0.03, 0.9)) : randomColour(random),
  );
  const socks = random.next() < 0.35 ? createCloth(random, noise, clothColour(random)) : skin;
  const sleeves = random.next() < 0.15 ? createCloth(random, noise, clothColour(random), true) : shirt;
  const hands = random.next() < 0.08 ? createCloth(random, noise, clothColour(random)) : skin;
  const head = createRichHead(random, l, noise, skinColour, skin);
  const print = random.next() < 0.45 ? createPrint(random, l) : undefined;
  const cut = drawRichCut(random, l);
  const [belt, trim] = [clothColour(random), clothColour(random)];
  const [hasBelt, hasTrim] = [random.next() < 0.35, random.next() < 0.2];

  return (x, y, z, pixel, out) => {
    const side = Math.abs(x);
    if (y > cut.collar && side < l.shoulder * 0.8) return head(x, y, z, pixel, out);
    const arm = side - l.shoulder * 0.55 > l.neck - y && side > l.shoulder * 0.75;
    if (arm) {
      (side > l.wrist ? hands : side < cut.sleeve ? sleeves : skin)(x, y, z, pixel, out);
      darken(out, 1 - 0.35 * smoothStep(0.012, 0.004, Math.abs(side - cut.sleeve)));
      return;
    }
    // A neckline lower in front than behind shows some skin.
    const neckline = cut.collar - (z > l.headZ - 0.02 ? Math.max(0, cut.neckline - 1.2 * side) : 0);
    const open = y > neckline;
    const garment = open ? skin : y > cut.waist ? shirt : y > cut.trouser ? trousers : y < cut.shoe ? shoes : y < cut.sock ? socks : skin; // biome-ignore format: from top to toe
    garment(x, y, z, pixel, out);
    if (open) return;
    if (print && garment === shirt) print(x, y, z, pixel, out);
    if (hasBelt && Math.abs(y - cut.waist + 0.015) < 0.018) mix(out, belt, 0.95);
    if (hasTrim && garment === trousers && side > 0.05)
      mix(out, trim, 0.9 * smoothStep(0.02, 0.012, Math.abs(z - 0.01)));
    const edge = Math.min(Math.abs(y - cut.waist), Math.abs(y - cut.trouser));
    darken(out, 1 - 0.35 * smoothStep(0.012, 0.004, edge));
  };
}

function darken(out: Float64Array, factor: number): void {
  for (let c = 0; c < 3; c++) out[c]! *= factor;
}

function mix(out: Float64Array, colour: Colour, share: number): void {
  for (let c = 0; c < 3; c++) out[c]! += share * (colour[c]! - out[c]!);
}

/** Clothes are oftener dark, white or denim than the rainbow's colours. */
function clothColour(random: Random): Colour {
  const kind = random.next();
  if (kind < 0.3) return grey(random.uniform(0.02, 0.95));
  if (kind < 0.42) return [random.uniform(0.08, 0.3), random.uniform(0.14, 0.4), random.uniform(0.3, 0.6)];
  return randomColour(random);
}

function drawSkin(random: Random): Colour {
  const place = random.uniform(0, SKIN.length - 1);
  const i = Math.min(SKIN.length - 2, Math.floor(place));
  const [a, b] = [SKIN[i]!, SKIN[i + 1]!];
  const gain = random.uniform(0.88, 1.08);
  const blend = (c: number) => (a[c]! + (place - i) * (b[c]! - a[c]!)) * gain * random.uniform(0.97, 1.03);
  return [blend(0), blend(1), blend(2)];
}

/** Skin with grain, broad blotches and reddish hands, elbows and knees by noise. */
function createSkin(random: Random, noise: Noise, skin: Colour): Surface {
  const [fine, broad, red] = [random.uniform(0.02, 0.08), random.uniform(0.02, 0.1), random.uniform(0, 0.12)];
  return (x, y, z, pixel, out) => {
    const blotch = noise.solid(11 * x, 11 * y, 11 * z);
    const grain = fine * noise.solid(40 * x, 40 * y, 40 * z) * bandLimit(0.025, pixel) + broad * blotch;
    for (let c = 0; c < 3; c++) out[c] = skin[c]! * (1 + grain);
    out[0]! *= 1 + red * Math.max(0, blotch);
  };
}

function drawRichCut(random: Random, l: Landmarks) {
  const leg = (part: number) => l.hip + part * (l.ankle - l.hip);
  const arm = (part: number) => l.shoulder + part * (l.wrist - l.shoulder);
  const isDress = random.next() < 0.12;
  const isBare = random.next() < 0.04;
  const shoe = random.next() < 0.12 ? leg(random.uniform(0.5, 0.7)) : l.ankle + random.uniform(-0.01, 0.06);
  return {
    collar: l.neck - random.uniform(0, 0.04),
    neckline: random.next() < 0.4 ? random.uniform(0.03, 0.14) : 0,
    sleeve: isBare ? 0 : arm(random.pick([0.02, 0.25, 0.35, 0.5, 0.75, 1, 1, 1.02])),
    waist: isBare ? 10 : isDress ? leg(random.uniform(0.15, 0.8)) : l.hip + random.uniform(-0.12, 0.12),
    trouser: isDress ? 10 : leg(random.pick([0.2, 0.4, 0.55, 0.8, 0.98, 0.98, 0.98])),
    shoe,
    sock: random.next() < 0.5 ? leg(random.uniform(0.6, 0.9)) : shoe,
  };
}

/** A print on the chest or the back: a sign of random squares, a number of bars, a disc or a ring, in one colour. */
function createPrint(random: Random, l: Landmarks): Surface {
  const colour = random.next() < 0.5 ? grey(random.pick([0.03, 0.95])) : randomColour(random);
  const isFront = random.next() < 0.65;
  const size = random.uniform(0.05, 0.13);
  const middle = l.waist + random.uniform(0.45, 0.75) * (l.neck - l.waist);
  const aside = random.next() < 0.3 ? random.uniform(-0.07, 0.07) : 0;
  const shape = random.pick(["sign", "bars", "disc", "ring"] as const);
  // A sign is mirrored left and right, which the eye takes for a figure.
  const bits = Array.from({ length: 15 }, () => random.next() < 0.5);
  const covers = (u: number, v: number): boolean => {
    const radius = Math.hypot(u, v);
    if (shape === "disc") return radius < 1;
    if (shape === "ring") return radius < 1 && radius > 0.6;
    if (shape === "bars") return Math.abs(v) < 0.5 && Math.abs(u) < 1.6 && bits[Math.floor((u + 1.6) * 4.6)] === true;
    const row = Math.floor((v + 1) * 2.5);
    return Math.abs(u) < 1 && Math.abs(v) < 1 && bits[3 * row + Math.floor(Math.abs(u) * 2.99)] === true;
  };
  return (x, y, z, pixel, out) => {
    if (z > l.headZ !== isFront) return;
    const [u, v] = [(x - aside) / size, (y - middle) / size];
    if (Math.abs(u) < 1.6 && Math.abs(v) < 1 && covers(u, v)) mix(out, colour, 0.92 * bandLimit(size / 3, pixel));
  };
}

function createRichHead(random: Random, l: Landmarks, noise: Noise, skinColour: Colour, skin: Surface): Surface {
  const hair = scaled(random.pick(HAIR), random.uniform(0.7, 1.3));
  const isBald = random.next() < 0.08;
  const isLong = random.next() < 0.35;
  const beard = random.next() < 0.2 ? random.uniform(0.4, 0.9) : 0;
  const cap = random.next() < 0.15 ? randomColour(random) : undefined;
  const height = l.crown - l.head;
  const line = l.head + random.uniform(0.5, 0.8) * height;
  const capLine = l.head + random.uniform(0.55, 0.7) * height;
  const back = isLong ? l.neck - 0.1 : l.neck + random.uniform(-0.03, 0.1);
  const [eye, mouth] = [l.head + 0.42 * height, l.head + 0.05 * height];
  const glasses = random.next() < 0.15;
  return (x, y, z, pixel, out) => {
    const forward = z - l.headZ;
    const isHair = !isBald && (forward < 0.02 ? y > back : y > line - 1.5 * Math.max(0, 0.07 - forward));
    if (cap && y > capLine) {
      for (let c = 0; c < 3; c++) out[c] = cap[c]! * (1 + 0.12 * noise.solid(50 * x, 50 * y, 50 * z));
      return;
    }
    if (isHair) {
      const strand = 0.35 * noise.solid(120 * x, 25 * y, 120 * z) * bandLimit(0.012, pixel);
      const lock = 0.2 * noise.solid(30 * x, 6 * y, 30 * z);
      for (let c = 0; c < 3; c++) out[c] = hair[c]! * (1 + strand + lock);
      return;
    }
    skin(x, y, z, pixel, out);
    if (forward < 0.03) return;
    if (beard > 0 && y < mouth + 0.03) mix(out, hair, beard * smoothStep(mouth + 0.03, mouth + 0.015, y));
    const eyes = Math.hypot((Math.abs(x) - 0.034) / (glasses ? 0.026 : 0.017), (y - eye) / (glasses ? 0.02 : 0.012));
    const lips = Math.hypot(x / 0.03, (y - mouth) / 0.01);
    const brow = Math.hypot((Math.abs(x) - 0.034) / 0.024, (y - eye - 0.024) / 0.006);
    darken(out, 1 - 0.8 * smoothStep(1.3, 0.7, eyes));
    mix(out, hair, 0.6 * smoothStep(1.3, 0.7, brow));
    mix(out, [0.8 * skinColour[0], 0.4 * skinColour[1], 0.4 * skinColour[2]], 0.6 * smoothStep(1.3, 0.7, lips));
  };
}
