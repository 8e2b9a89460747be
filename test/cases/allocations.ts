// Allocation problems: random ones, and HAWQ-V3's.
import { isFeasible, type Problem, type Totals, totalsOf } from "../../src/precision/solve/problem.ts";
import { readAsset } from "./assets.ts";
import type { Random } from "./random.ts";

export interface RandomProblem {
  readonly classes: number;
  readonly choices: number;
  readonly limits: number;
  readonly ties?: boolean;
}

/**
 * Half of them with independent losses and costs; the others like a network's: losses fall fourfold a step, costs
 * rise with the size of a layer. Limits lie between the least and the most that the classes cost.
 */
export function randomProblem(
  random: Random,
  { classes: n, choices, limits: m, ties = false }: RandomProblem,
): Problem {
  const isNetwork = random.chance(0.5);
  const classes = Array.from({ length: n }, (_, i) => {
    const size = random.integer(100, 10_000);
    const sensitivity = random.real() ** 3 * 1e6;
    const choice = (j: number) =>
      isNetwork
        ? {
            loss: Math.round(sensitivity * 4 ** -j * random.between(0.8, 1.2)),
            costs: Array.from({ length: m }, (_, k) =>
              Math.round((j + 1) * size * (k === 0 ? 1 : random.between(0.5, 1.5))),
            ),
          }
        : {
            loss: random.integer(0, 1e6),
            costs: Array.from({ length: m }, () => random.integer(ties ? -1e4 : 0, 1e5)),
          };
    return { name: `class ${i}`, choices: Array.from({ length: choices }, (_, j) => choice(j)) };
  });
  const limits = Array.from({ length: m }, (_, k) => {
    const sum = (of: (...values: number[]) => number) =>
      classes.reduce((total, own) => total + of(...own.choices.map(({ costs }) => costs[k]!)), 0);
    const [least, most] = [sum(Math.min), sum(Math.max)];
    return {
      name: `limit ${k}`,
      atMost: Math.round(least + random.between(ties ? -0.05 : 0.2, 0.8) * (most - least)),
    };
  });
  return {
    classes,
    limits,
    ...(ties &&
      n > 3 && {
        ties: [
          [0, 2],
          [1, 3],
        ],
      }),
  };
}

/** The totals of the best choices by trying all: least loss, then least of every cost in turn. */
export function bruteForce(problem: Problem): Totals | undefined {
  let best: Totals | undefined;
  const order = ({ loss, costs }: Totals) => [loss, ...costs];
  const isBetter = (totals: Totals) => {
    if (best === undefined) return true;
    const [a, b] = [order(totals), order(best)];
    const first = a.findIndex((value, i) => value !== b[i]);
    return first >= 0 && a[first]! < b[first]!;
  };
  const visit = (choices: readonly number[]) => {
    const own = problem.classes[choices.length];
    if (own !== undefined) own.choices.forEach((_, j) => void visit([...choices, j]));
    else if (isFeasible(problem, choices) && isBetter(totalsOf(problem, choices)))
      best = totalsOf(problem, choices);
  };
  visit([]);
  return best;
}

export interface HawqProblem {
  readonly key: string;
  readonly problem: Problem;
  /** Bits of every layer in the authors' configuration. */
  readonly released: readonly number[];
}

/** The nine problems of a network (assets/hawq/README.md). */
export function hawqProblems(network: "resnet18" | "resnet50"): HawqProblem[] {
  const data = JSON.parse(new TextDecoder().decode(readAsset(`hawq/${network}.json`)));
  const costs: Record<string, (layer: number, bits: 4 | 8) => number> = {
    modelsize: (layer, bits) => Math.round((data.mega_parameters[layer] * bits * 2 ** 20) / 8),
    bops: (layer, bits) => Math.round(data.mega_macs[layer] * bits ** 2 * 1e6),
    latency: (layer, bits) => Math.round(data[`latency_ms_int${bits}`][layer] * 1e8),
  };
  return Object.entries<number[]>(data.released_bits).map(([key, released]) => {
    const [kind, fraction] = key.split("_") as [string, string];
    const total = (bits: 4 | 8) => released.reduce((sum, _, layer) => sum + costs[kind]!(layer, bits), 0);
    const atMost = Math.floor(total(4) + Number(fraction) * (total(8) - total(4)));
    const classes = data.layers.map((name: string, layer: number) => ({
      name,
      choices: ([4, 8] as const).map((bits) => ({
        loss: data.hessian_trace_per_parameter[layer] * data[`delta_w_squared_${bits}bit`][layer],
        costs: [costs[kind]!(layer, bits)],
      })),
    }));
    return { key, problem: { classes, limits: [{ name: kind, atMost }], ties: data.tied_layers }, released };
  });
}
