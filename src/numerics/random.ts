/** A seeded stream of numbers in [0, 1): integer operations alone, so that every host draws the same ones. */
export type Random = () => number;

/** Marsaglia's 32-bit xorshift; a seed of 0 is not allowed. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * A linear congruential sequence modulo 2^32 (the multiplier of Numerical Recipes, 7.1). Files depend on its numbers:
 * where tensors lie, and which windows and samples rounding looks at.
 */
export function congruential(seed: number): Random {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Shuffles in place (Fisher and Yates). */
export function shuffle(values: Uint32Array | number[], random: Random): void {
  for (let i = values.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    const kept = values[i]!;
    values[i] = values[other]!;
    values[other] = kept;
  }
}
