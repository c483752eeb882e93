/** @file Seeded random numbers whose state is a plain value, so that a checkpoint can hold it. */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** Integer, uniform in [0, count). */
  integer(count: number): number;
  /** Normal with the given mean and standard deviation. */
  normal(mean?: number, deviation?: number): number;
  /** One element of a non-empty list. */
  pick<T>(items: readonly T[]): T;
  /** A shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

/** A 32-bit FNV-1a hash of a text, to derive a seed from names. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/**
 * A random stream that depends on nothing but `seed` and `keys` (names or numbers, such as a step's index): streams with
 * other keys are independent, so work can be done in any order or resumed anywhere. Generator: sfc32 (PractRand).
 */
export function createRandom(seed: number, ...keys: readonly (string | number)[]): Random {
  let a = hashText(`${seed}`);
  let b = hashText(keys.join("/"));
  let c = hashText(`${keys.join("\\")}:${seed}`);
  let counter = 1;
  const bits = () => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) bits();
  const random: Random = {
    next: () => (bits() * 2 ** 21 + (bits() >>> 11)) / 2 ** 53,
    uniform: (low, high) => low + (high - low) * random.next(),
    integer: (count) => Math.floor(random.next() * count),
    normal: (mean = 0, deviation = 1) => {
      const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
      return mean + deviation * radius * Math.cos(2 * Math.PI * random.next());
    },
    pick: (items) => items[random.integer(items.length)]!,
    shuffle: (items) => {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
  };
  return random;
}
