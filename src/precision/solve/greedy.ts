// MPQNNCO's greedy for the knapsack (Chen, Wang and Cheng, ICCV 2021; Sinha and Zoltners 1979).
import { classCount, type Instance } from "./instance.ts";

interface Increment {
  readonly class: number;
  readonly to: number;
  /** Loss saved per size. */
  readonly efficiency: number;
}

/**
 * From the smallest choice of every class up the lower convex hull of (size, loss), the steps that save most loss for
 * their size first, each taken where it still fits. With several limits a size is the sum of its shares of them.
 *
 * @returns undefined where the smallest choices already exceed a limit
 */
export function greedy(instance: Instance): Int32Array | undefined {
  const { cost, limits } = instance;
  const m = limits.length;
  const sizes = instance.loss.map((_, c) =>
    limits.reduce((sum, limit, k) => sum + cost[c * m + k]! / Math.max(1, Math.abs(limit)), 0),
  );
  const hulls = Array.from({ length: classCount(instance) }, (_, i) => hull(instance, sizes, i));
  const taken = Int32Array.from(hulls, ([smallest]) => smallest!);
  const slack = limits.map((limit, k) => taken.reduce((rest, choice) => rest - cost[choice * m + k]!, limit));
  if (slack.some((rest) => rest < 0)) return undefined;
  const increments = hulls.flatMap((own, i) =>
    own.slice(1).map((to, step): Increment => {
      const from = own[step]!;
      return {
        class: i,
        to,
        efficiency: (instance.loss[from]! - instance.loss[to]!) / (sizes[to]! - sizes[from]!),
      };
    }),
  );
  const blocked = new Set<number>();
  for (const increment of increments.sort((a, b) => b.efficiency - a.efficiency || a.class - b.class)) {
    if (blocked.has(increment.class)) continue;
    const from = taken[increment.class]!;
    const more = (k: number) => cost[increment.to * m + k]! - cost[from * m + k]!;
    if (slack.some((rest, k) => more(k) > rest)) {
      blocked.add(increment.class);
      continue;
    }
    slack.forEach((rest, k) => {
      slack[k] = rest - more(k);
    });
    taken[increment.class] = increment.to;
  }
  return taken;
}

/** Choices on the lower convex hull, by rising size and falling loss. */
function hull({ first, loss }: Instance, sizes: Float64Array, i: number): number[] {
  const own = Array.from({ length: first[i + 1]! - first[i]! }, (_, j) => first[i]! + j);
  own.sort((a, b) => sizes[a]! - sizes[b]! || loss[a]! - loss[b]!);
  const kept: number[] = [];
  for (const choice of own) {
    if (kept.length > 0 && loss[choice]! >= loss[kept.at(-1)!]!) continue;
    while (kept.length > 1) {
      const [a, b] = [kept.at(-2)!, kept.at(-1)!];
      const isAbove =
        (loss[a]! - loss[b]!) * (sizes[choice]! - sizes[b]!) <=
        (loss[b]! - loss[choice]!) * (sizes[b]! - sizes[a]!);
      if (!isAbove) break;
      kept.pop();
    }
    kept.push(choice);
  }
  return kept;
}
