// What two layers lose together besides what each loses by itself (CLADO).
import type { WeightCandidate } from "../sensitivity/perturbations.ts";
import type { Pair } from "../solve/problem.ts";
import type { Space } from "./space.ts";

/** Indices of candidates of two layers, the one that runs first in front. At 8 bits nothing is lost that could add up. */
export function couplesOf(weights: readonly WeightCandidate[]): [number, number][] {
  const narrow = weights.flatMap((own, index) => (own.width === 8 ? [] : [{ ...own, index }]));
  return narrow.flatMap((a) =>
    narrow.filter((b) => b.layer > a.layer).map((b): [number, number] => [a.index, b.index]),
  );
}

/** Pairs of layers: the loss of both changes made together, less that of each alone. */
export function pairsOf(
  { layers, weightBits }: Space,
  couples: readonly (readonly [number, number])[],
  joint: readonly number[],
  single: readonly number[],
): Pair[] {
  if (couples.length === 0) return [];
  const terms = new Map(
    couples.map(([a, b], i) => [`${a} ${b}`, joint[i]! - single[a]! - single[b]!] as const),
  );
  const count = weightBits.length;
  return layers.flatMap((_, a) =>
    layers.slice(a + 1).map((_, k): Pair => {
      const b = a + 1 + k;
      const losses = weightBits.map((_, i) =>
        weightBits.map((_, j) => terms.get(`${a * count + i} ${b * count + j}`) ?? 0),
      );
      return { classes: [a, b], losses };
    }),
  );
}
