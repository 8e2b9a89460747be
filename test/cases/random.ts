/** Mulberry32: a small seeded generator, the same numbers on every host. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A real in [0, 1). */
  real(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.real() * (high - low + 1));
  }

  between(low: number, high: number): number {
    return low + this.real() * (high - low);
  }

  chance(probability: number): boolean {
    return this.real() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)]!;
  }

  /** Codes of which about half lie near the middle, so that extremes and ordinary values both occur. */
  codes(length: number, low = -128, high = 127): Int8Array {
    return Int8Array.from({ length }, () =>
      Math.round(
        (this.between(low, high) + (this.chance(0.5) ? this.between(low, high) : (low + high) / 2)) / 2,
      ),
    );
  }
}
