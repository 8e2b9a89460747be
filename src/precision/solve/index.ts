// Every solver behind one function, and what its answer is worth.
import { DyadicError } from "../../error.ts";
import { branchAndBound, type SearchLimits } from "./branch-and-bound.ts";
import { cutting } from "./cutting.ts";
import { greedy } from "./greedy.ts";
import { highsSearch } from "./highs.ts";
import { type Instance, instanceOf, originalChoices } from "./instance.ts";
import { pairwiseSearch } from "./pairwise.ts";
import { checkProblem, type Problem, totalsOf } from "./problem.ts";

/** Exact: branch-and-bound and highs. */
export const SOLVERS = ["branch-and-bound", "highs", "greedy", "cutting"] as const;
export type SolverName = (typeof SOLVERS)[number];

/** What breaking ties may take, per preferred limit. */
const TIE_LIMITS: SearchLimits = { nodes: 500 };

export interface SolveOptions extends SearchLimits {
  /** Default: branch-and-bound. */
  readonly solver?: SolverName;
}

/** How good a solution is, and what its limits cost it. */
export interface Certificate {
  readonly solver: SolverName;
  readonly loss: number;
  /** No choices within the limits have less, to within `resolution`. */
  readonly bound: number;
  /** loss - bound; 0 for what is proven best. */
  readonly gap: number;
  /** Losses were compared in integers of this many units of loss. */
  readonly resolution: number;
  readonly limits: readonly {
    readonly name: string;
    readonly atMost: number;
    readonly used: number;
    /** Whether the linear relaxation would be better with more of it. */
    readonly binding: boolean;
    /** Loss that one more unit saves in the linear relaxation: its dual variable. */
    readonly shadowPrice: number;
  }[];
  /** Branches that the search looked at; 0 of a heuristic. */
  readonly nodes: number;
}

export interface Solution {
  readonly feasible: true;
  /** Index of the choice of every class. */
  readonly choices: readonly number[];
  readonly certificate: Certificate;
}

/** Nothing fits, or a heuristic found nothing. */
export interface Infeasible {
  readonly feasible: false;
  /** The smallest sum of each cost, with the other limits kept, or alone where these have no solution either. */
  readonly smallest: readonly {
    readonly name: string;
    readonly atMost: number;
    readonly value: number;
    /** No choices have less; equal to `value` where it is proven. */
    readonly bound: number;
    readonly alone: boolean;
  }[];
}

/**
 * Solves a problem. Of solutions of equal loss, exact solvers give the one with the least cost of the first preferred
 * limit, then of the second, and so on (branch-and-bound: the best of 500 branches each). Throws BAD_ARGUMENT for a problem that is none.
 */
export async function solve(problem: Problem, options: SolveOptions = {}): Promise<Solution | Infeasible> {
  checkProblem(problem);
  const { solver = "branch-and-bound" } = options;
  if (problem.pairs !== undefined && problem.pairs.length > 0) return solvePairs(problem, solver, options);
  const instance = instanceOf(problem);
  const searched = await search(instance, solver, problem.prefer, options);
  if (searched.taken === undefined) return { feasible: false, smallest: smallestLimits(problem, options) };
  const choices = originalChoices(instance, searched.taken);
  const { loss, costs } = totalsOf(problem, choices);
  const optimal = searched.bound >= lossOf(instance, searched.taken);
  const bound = optimal ? loss : Math.min(loss, instance.base + searched.bound * instance.unit);
  const limits = problem.limits.map(({ name, atMost }, k) => {
    const shadowPrice = searched.prices[k]! * instance.unit;
    return { name, atMost, used: costs[k]!, binding: shadowPrice > 0, shadowPrice };
  });
  const { unit: resolution } = instance;
  const { nodes } = searched;
  return {
    feasible: true,
    choices,
    certificate: { solver, loss, bound, gap: loss - bound, resolution, limits, nodes },
  };
}

/** With pairs. Of choices of equal loss any may come. */
function solvePairs(problem: Problem, solver: SolverName, options: SolveOptions): Solution | Infeasible {
  if (solver !== "branch-and-bound") {
    throw new DyadicError("BAD_ARGUMENT", "this solver takes no pairwise losses", {
      expected: "branch-and-bound",
      found: solver,
    });
  }
  const { choices, bound, prices, nodes, resolution } = pairwiseSearch(problem, options);
  if (choices === undefined) {
    const { pairs: _, ...single } = problem;
    return { feasible: false, smallest: smallestLimits(single, options) };
  }
  const { loss, costs } = totalsOf(problem, choices);
  const limits = problem.limits.map(({ name, atMost }, k) => {
    const shadowPrice = prices[k]!;
    return { name, atMost, used: costs[k]!, binding: shadowPrice > 0, shadowPrice };
  });
  const certificate = { solver, loss, bound, gap: loss - bound, resolution, limits, nodes };
  return { feasible: true, choices, certificate };
}

interface Found {
  readonly taken: Int32Array | undefined;
  readonly bound: number;
  readonly prices: Float64Array;
  readonly nodes: number;
}

async function search(
  instance: Instance,
  solver: SolverName,
  prefer: Problem["prefer"],
  limits: SearchLimits,
): Promise<Found> {
  if (solver === "branch-and-bound") {
    const found = branchAndBound(instance, limits);
    const again = (own: Instance, start: Int32Array) => branchAndBound(own, TIE_LIMITS, start).taken;
    return { ...found, taken: await breakTies(instance, found.taken, prefer, again) };
  }
  const { bound, prices } = branchAndBound(instance, { nodes: 1 });
  if (solver === "highs") {
    const first = await highsSearch(instance);
    const taken = await breakTies(instance, first, prefer, highsSearch);
    return { taken, bound: taken === undefined ? Infinity : lossOf(instance, taken), prices, nodes: 0 };
  }
  return { taken: solver === "greedy" ? greedy(instance) : cutting(instance), bound, prices, nodes: 0 };
}

function lossOf({ loss }: Instance, taken: Int32Array): number {
  return taken.reduce((sum, choice) => sum + loss[choice]!, 0);
}

/** Lexicographic optimisation: what was minimised becomes a limit, and the next cost what is minimised. */
async function breakTies(
  instance: Instance,
  found: Int32Array | undefined,
  prefer: Problem["prefer"] = Array.from(instance.limits.keys()),
  again: (instance: Instance, start: Int32Array) => Promise<Int32Array | undefined> | Int32Array | undefined,
): Promise<Int32Array | undefined> {
  let taken = found;
  let own = instance;
  for (const k of prefer) {
    if (taken === undefined) return undefined;
    own = minimising(own, k, taken);
    const better = await again(own, taken);
    if (better !== undefined && lossOf(instance, better) <= lossOf(instance, taken)) taken = better;
  }
  return taken;
}

/** The instance with the cost of limit k in place of its loss, and the loss limited to what `taken` has. */
function minimising(instance: Instance, k: number, taken: Int32Array): Instance {
  const { cost, loss, limits } = instance;
  const m = limits.length;
  const costOf = (choice: number) => cost[choice * m + k]!;
  const offset = new Float64Array(loss.length);
  for (let i = 0; i + 1 < instance.first.length; i++) {
    const own = offset.subarray(instance.first[i]!, instance.first[i + 1]!);
    own.fill(own.reduce((least, _, j) => Math.min(least, costOf(instance.first[i]! + j)), Infinity));
  }
  return {
    ...instance,
    loss: loss.map((_, c) => costOf(c) - offset[c]!),
    cost: Float64Array.from({ length: loss.length * (m + 1) }, (_, at) => {
      const [choice, row] = [Math.floor(at / (m + 1)), at % (m + 1)];
      return row < m ? cost[choice * m + row]! : loss[choice]!;
    }),
    limits: Float64Array.of(...limits, lossOf(instance, taken)),
    unit: 1,
  };
}

function smallestLimits(problem: Problem, options: SearchLimits): Infeasible["smallest"] {
  return problem.limits.map(({ name, atMost }, k) => {
    const without = (others: boolean) => {
      const kept = problem.limits.map((_, j) => j).filter((j) => j !== k && others);
      const own: Problem = {
        ...problem,
        classes: problem.classes.map(({ name, choices }) => ({
          name,
          choices: choices.map(({ costs }) => ({ loss: costs[k]!, costs: kept.map((j) => costs[j]!) })),
        })),
        limits: kept.map((j) => problem.limits[j]!),
      };
      const instance = instanceOf(own);
      const { taken, bound } = branchAndBound(instance, options);
      const value = taken && totalsOf(own, originalChoices(instance, taken)).loss;
      return value === undefined
        ? undefined
        : { value, bound: Math.min(value, instance.base + bound * instance.unit) };
    };
    const kept = without(true);
    return { name, atMost, ...(kept ?? without(false)!), alone: kept === undefined };
  });
}
