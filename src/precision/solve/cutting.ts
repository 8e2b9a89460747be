// The cutting rule of Rusci et al. (MLSys 2020), which looks at sizes alone.
import { classCount, type Instance } from "./instance.ts";

/** Shares this close to the largest count as large (delta of the paper). */
const DELTA = 0.05;

/**
 * Starts with the least loss everywhere. While a limit is exceeded, the first of the classes whose share of it is
 * within delta of the largest share takes its next smaller choice.
 *
 * @returns undefined where nothing is left to cut
 */
export function cutting(instance: Instance): Int32Array | undefined {
  const { first, cost, limits } = instance;
  const m = limits.length;
  const n = classCount(instance);
  const taken = Int32Array.from({ length: n }, (_, i) => first[i + 1]! - 1); // choices are by falling loss
  const used = (k: number) => taken.reduce((sum, choice) => sum + cost[choice * m + k]!, 0);
  /** The largest choice of class i that is smaller than the present one. */
  const next = (i: number, k: number) => {
    let best = -1;
    for (let c = first[i]!; c < first[i + 1]!; c++) {
      if (cost[c * m + k]! >= cost[taken[i]! * m + k]!) continue;
      if (best < 0 || cost[c * m + k]! > cost[best * m + k]!) best = c;
    }
    return best;
  };
  const classes = Array.from({ length: n }, (_, i) => i);
  for (;;) {
    const k = limits.findIndex((limit, index) => used(index) > limit);
    if (k < 0) return taken;
    const open = classes.filter((i) => next(i, k) >= 0);
    const total = open.reduce((sum, i) => sum + cost[taken[i]! * m + k]!, 0);
    const share = (i: number) => cost[taken[i]! * m + k]! / total;
    const largest = open.reduce((most, i) => Math.max(most, share(i)), -Infinity);
    const cut = open.find((i) => share(i) > largest - DELTA);
    if (cut === undefined) return undefined;
    taken[cut] = next(cut, k);
  }
}
