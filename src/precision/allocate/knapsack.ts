// The knapsack of a space: flash, latency and every step of the arena as its limits.
import { DyadicError } from "../../error.ts";
import { type LatencyTable, stepLatency } from "../cost/latency.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import type { Problem } from "../solve/problem.ts";
import { arenaRows, type Row, withinArena } from "./arena-limit.ts";
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
  readonly table?: LatencyTable | undefined;
  /** `arenaRows` of the space. */
  readonly arena?: readonly Row[];
}

/** Nanoseconds of a run with these widths. Throws BAD_ARGUMENT where the table does not know a step. */
export function latencyOf(cost: NetworkCost, widths: Widths, { table }: RowOptions): number {
  const network = cost.at(widths);
  const time = timeBy(table);
  return network.nodes.reduce((sum, _, k) => sum + time(network, k), 0);
}

function timeBy(table: LatencyTable | undefined) {
  if (table !== undefined) return stepLatency(table);
  throw new DyadicError("BAD_ARGUMENT", "a limit of latency needs times that were measured", {
    expected: "a latency table of the device",
    hint: "--latency-table latency-table.json",
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
  if (budget.ram !== undefined)
    rows.push(...withinArena(options.arena ?? arenaRows(space, cost), budget.ram), ...cuts);
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

/** Times as if the choices were independent; what they are together is checked on the answer. */
function latencyRow(space: Space, cost: NetworkCost, atMost: number, options: RowOptions): Row {
  const sizes = classSizes(space);
  const base = sizes.map(() => 0);
  const time = (choices: readonly number[]) => latencyOf(cost, widthsOf(space, choices), options);
  const fixed = time(base);
  const costs = sizes.map((size, i) => Array.from({ length: size }, (_, j) => time(base.with(i, j)) - fixed));
  return { name: "latency", atMost: atMost - fixed, costs };
}
