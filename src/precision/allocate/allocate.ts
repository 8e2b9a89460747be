// allocate: the widths with the least loss within a budget, and the proof.
import { DyadicError } from "../../error.ts";
import type { LatencyTable } from "../cost/latency.ts";
import { stepLatency } from "../cost/latency.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import { type Certificate, type Infeasible, type SolveOptions, solve } from "../solve/index.ts";
import type { Problem } from "../solve/problem.ts";
import { arenaCuts, arenaRows, type Row, withinArena } from "./arena-limit.ts";
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

export interface AllocateOptions extends SolveOptions {
  readonly table?: LatencyTable | undefined;
  /** `arenaRows` of the space, where they are known already. */
  readonly arena?: readonly Row[];
  /** Bytes of the file that these widths would give, to the byte; needed where flash is limited. */
  fileBytes?(widths: Widths, certificate: Certificate): number;
}

/** The widths that were chosen. */
export interface Allocation {
  readonly widths: Widths;
  readonly choices: readonly number[];
  /** Of the problem as it was solved last. Its bound holds for all files whose other sections are as long as this one's. */
  readonly certificate: Certificate;
  /** Of the layers' weights, biases and multipliers. */
  readonly weightBytes: number;
  /** Of the file; undefined where nothing could tell. */
  readonly fileBytes: number | undefined;
  readonly peakBytes: number;
  /** How often the planner was asked. */
  readonly rounds: number;
}

/** How often the planner may say no before its excess is kept free in every step. */
const CUT_ROUNDS = 40;
const ROUNDS = 80;

/**
 * Least loss within the budget. The arena is the planner's own: where it needs more than the solver thought, the choices
 * that caused it are cut off; where it packs worse than every single step demands, the limit is lowered by the excess, and
 * the gap of the certificate says what that may cost. Throws NO_POLICY with the smallest budget that would do.
 *
 * @param losses of every choice of every class of the space
 */
export async function allocate(
  space: Space,
  cost: NetworkCost,
  losses: readonly (readonly number[])[],
  budget: Budget,
  options: AllocateOptions = {},
): Promise<Allocation> {
  const cuts: Row[] = [];
  const own: AllocateOptions =
    budget.ram === undefined ? options : { arena: arenaRows(space, cost), ...options };
  const reserve = { flash: 0, ram: 0, latency: 0 };
  let bound = -Infinity;
  for (let rounds = 1; rounds <= ROUNDS; rounds++) {
    const problem = problemOf(space, cost, losses, reduced(budget, reserve), cuts, own);
    const answer = await solve(problem, options);
    if (!answer.feasible) throw refuse(answer, budget);
    const { choices, certificate } = answer;
    if (reserve.ram + reserve.latency === 0) bound = certificate.bound;
    const widths = widthsOf(space, choices);
    const proven = { ...certificate, bound, gap: Math.max(0, certificate.loss - bound) };
    const used = {
      flash: options.fileBytes?.(widths, proven),
      ram: cost.peakBytes(widths),
      latency: budget.latency === undefined ? undefined : latencyOf(cost, widths, options),
    };
    const over = (key: keyof typeof used) => Math.max(0, (used[key] ?? 0) - (budget[key] ?? Infinity));
    if (over("flash") + over("ram") + over("latency") === 0) {
      const weightBytes = cost.totalWeightBytes(widths);
      return {
        widths,
        choices,
        certificate: proven,
        weightBytes,
        fileBytes: used.flash,
        peakBytes: used.ram,
        rounds,
      };
    }
    const found = over("ram") > 0 && rounds <= CUT_ROUNDS ? arenaCuts(space, cost, budget.ram!, choices) : [];
    cuts.push(...found);
    reserve.flash += over("flash");
    reserve.latency += Math.ceil(over("latency"));
    if (found.length === 0) reserve.ram += over("ram");
  }
  throw new DyadicError("NO_POLICY", "no policy was found whose arena the planner packs into the budget", {
    expected: `at most ${budget.ram} bytes of RAM`,
    hint: "a little more RAM, or fewer widths to choose from",
  });
}

/** What the solver may use: the budget, less what it could not know of. */
function reduced({ flash, ram, latency }: Budget, reserve: Required<Budget>): Budget {
  return {
    ...(flash !== undefined && { flash: flash - reserve.flash }),
    ...(ram !== undefined && { ram: ram - reserve.ram }),
    ...(latency !== undefined && { latency: latency - reserve.latency }),
  };
}

function latencyOf(cost: NetworkCost, widths: Widths, { table }: AllocateOptions): number {
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

/** The knapsack of a space: flash, latency and every step of the arena as its limits. */
export function problemOf(
  space: Space,
  cost: NetworkCost,
  losses: readonly (readonly number[])[],
  budget: Budget,
  cuts: readonly Row[],
  options: AllocateOptions,
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
function latencyRow(space: Space, cost: NetworkCost, atMost: number, options: AllocateOptions): Row {
  const sizes = classSizes(space);
  const base = sizes.map(() => 0);
  const time = (choices: readonly number[]) => latencyOf(cost, widthsOf(space, choices), options);
  const fixed = time(base);
  const costs = sizes.map((size, i) => Array.from({ length: size }, (_, j) => time(base.with(i, j)) - fixed));
  return { name: "latency", atMost: atMost - fixed, costs };
}

function refuse({ smallest }: Infeasible, budget: Budget): DyadicError {
  const short = smallest.filter(({ atMost, value }) => value > atMost);
  const parts = short.map(({ name, atMost, value, bound }) => {
    const proof = bound === value ? "proven least" : `least is at least ${bound}`;
    return `${name}: ${value} where ${atMost} are left (${proof})`;
  });
  return new DyadicError("NO_POLICY", "no policy fits the budget", {
    expected: JSON.stringify(budget),
    found: parts.join("; "),
    hint: "a larger budget, or narrower widths to choose from",
  });
}
