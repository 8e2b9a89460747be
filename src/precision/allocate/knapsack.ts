// The knapsack of a space: flash and latency as its limits, and what the planner refused.
import { DyadicError } from "../../error.ts";
import type { IntegerGraph } from "../../graph/integer.ts";
import { plan } from "../../plan/index.ts";
import { type Prediction, predict, type StepTimes, stepKey } from "../cost/latency.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import type { Problem } from "../solve/problem.ts";
import type { Row } from "./arena-limit.ts";
import { className, classSizes, type Space, widthsOf } from "./space.ts";

/** What a device has; left out, there is no limit. */
export interface Budget {
  /** Bytes of the model file. */
  readonly flash?: number;
  /** Bytes of the arena. */
  readonly ram?: number;
  /** Nanoseconds of a run, by the latency table. */
  readonly latency?: number;
}

/** What the rows of a problem are made from, where it is known already. */
export interface RowOptions {
  /** Of the build that the budget of latency is for. */
  readonly times?: StepTimes | undefined;
}

/**
 * The time of a run with these widths, as the planner places them in an arena: of every step whole, and what running by
 * bands costs besides. Throws BAD_ARGUMENT where the table does not know an op.
 */
export function latencyOf(
  cost: NetworkCost,
  widths: Widths,
  { times }: RowOptions,
  arenaBytes?: number,
): Prediction {
  const network = cost.at(widths);
  const own = predict(given(times), network, granted(network));
  return { ...own, nanoseconds: own.nanoseconds + cost.planned(widths, arenaBytes).overhead };
}

/** Bytes of scratch by node: some kernels are chosen by it. */
function granted(network: IntegerGraph): number[] {
  return plan(network).scratch.map(({ bytes }) => bytes);
}

function given(times: StepTimes | undefined): StepTimes {
  if (times !== undefined) return times;
  throw new DyadicError("BAD_ARGUMENT", "a limit of latency needs times that were measured", {
    expected: "a latency table of the device",
    hint: "--latency-table latency-table.json, which `dyadic bench MODEL --table` writes",
  });
}

/** Its classes are the space's; ties go to the smaller file. */
export function problemOf(
  space: Space,
  cost: NetworkCost,
  losses: readonly (readonly number[])[],
  budget: Budget,
  cuts: readonly Row[],
  options: RowOptions,
): Problem {
  const rows: Row[] = [flashRow(space, cost, budget.flash)];
  if (budget.latency !== undefined) rows.push(latencyRow(space, cost, budget.latency, options));
  rows.push(...cuts);
  return {
    classes: losses.map((own, i) => ({
      name: className(space, i),
      choices: own.map((loss, j) => ({ loss, costs: rows.map(({ costs }) => costs[i]![j]!) })),
    })),
    limits: rows.map(({ name, atMost }) => ({ name, atMost })),
    prefer: [0],
  };
}

function flashRow(space: Space, cost: NetworkCost, atMost = 2 ** 31): Row {
  const costs = classSizes(space).map((size, i) =>
    Array.from({ length: size }, (_, j) =>
      i < space.layers.length ? cost.weightBytes(i, space.weightBits[j]!) : 0,
    ),
  );
  return { name: "flash", atMost: Math.min(atMost, 2 ** 31), costs };
}

/**
 * Times as if the choices were independent, and as if every step got the scratch that it has where all classes take their
 * choice of the same rank; what they are together is checked on the answer.
 */
function latencyRow(space: Space, cost: NetworkCost, atMost: number, options: RowOptions): Row {
  const times = given(options.times);
  const sizes = classSizes(space);
  const base = sizes.map(() => 0);
  const at = (choices: readonly number[]) => cost.at(widthsOf(space, choices));
  const ranks = Array.from({ length: Math.max(...sizes) }, (_, rank) => {
    return granted(at(sizes.map((size) => Math.min(rank, size - 1))));
  });
  const first = at(base);
  const keys = first.nodes.map((_, k) => stepKey(first, k));
  const time = (network: IntegerGraph, rank: number) => {
    const scratch = keys.map((key, k) => ranks[stepKey(network, k) === key ? 0 : rank]![k]!);
    return predict(times, network, scratch).nanoseconds;
  };
  const fixed = time(first, 0);
  const costs = sizes.map((size, i) =>
    Array.from({ length: size }, (_, j) => time(at(base.with(i, j)), j) - fixed),
  );
  return { name: "latency", atMost: atMost - fixed, costs };
}
