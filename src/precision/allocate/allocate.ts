// allocate: the widths with the least loss within a budget, and the proof.
import { DyadicError } from "../../error.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import { type Certificate, type SolveOptions, solve } from "../solve/index.ts";
import { arenaCuts, arenaRows, type Row } from "./arena-limit.ts";
import { type Budget, latencyOf, problemOf, type RowOptions } from "./knapsack.ts";
import { refusal } from "./smallest.ts";
import { type Space, widthsOf } from "./space.ts";

export interface AllocateOptions extends SolveOptions, RowOptions {
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
    if (!answer.feasible) throw await refusal(space, cost, budget, own);
    const { choices, certificate } = answer;
    if (reserve.ram + reserve.latency === 0) bound = certificate.bound;
    const widths = widthsOf(space, choices);
    const gap = Math.max(0, certificate.loss - bound);
    const proven: Certificate = {
      ...certificate,
      bound,
      gap,
      limits: mergedLimits(certificate.limits, budget),
    };
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
        certificate: { ...proven, limits: withUsed(proven.limits, used) },
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

/** The limits as the budget has them: one more byte of RAM is one more at every step of the arena. */
function mergedLimits(limits: Certificate["limits"], budget: Budget): Certificate["limits"] {
  const own = (key: string) => limits.filter(({ name }) => (name.startsWith("arena") ? "ram" : name) === key);
  return Object.entries(budget).map(([name, atMost]) => {
    const shadowPrice = own(name).reduce((sum, limit) => sum + limit.shadowPrice, 0);
    return { name, atMost, used: atMost, binding: shadowPrice > 0, shadowPrice };
  });
}

function withUsed(
  limits: Certificate["limits"],
  used: Readonly<Record<string, number | undefined>>,
): Certificate["limits"] {
  return limits.map((limit) => ({ ...limit, used: used[limit.name] ?? limit.used }));
}

/** What the solver may use: the budget, less what it could not know of. */
function reduced({ flash, ram, latency }: Budget, reserve: Required<Budget>): Budget {
  return {
    ...(flash !== undefined && { flash: flash - reserve.flash }),
    ...(ram !== undefined && { ram: ram - reserve.ram }),
    ...(latency !== undefined && { latency: latency - reserve.latency }),
  };
}
