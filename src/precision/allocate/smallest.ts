// Where no policy fits: the smallest budgets that would do, and the bounds that prove it.
import { DyadicError } from "../../error.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import { type Certificate, type SolveOptions, solve } from "../solve/index.ts";
import { arenaRows } from "./arena-limit.ts";
import { type Budget, problemOf, type RowOptions } from "./knapsack.ts";
import { classSizes, type Space, widthsOf } from "./space.ts";

/** A limit by itself, the others kept where they can be. */
interface Smallest {
  readonly name: keyof Budget;
  /** What a policy was found for. */
  readonly value: number;
  /** Less is impossible. */
  readonly bound: number;
  /** Whether the other limits are kept. */
  readonly isJoint: boolean;
}

export interface RefusalOptions extends SolveOptions, RowOptions {
  fileBytes?(widths: Widths, certificate: Certificate): number;
}

/** NO_POLICY, with the smallest value of every limit that would do and its proof. */
export async function refusal(
  space: Space,
  cost: NetworkCost,
  budget: Budget,
  options: RefusalOptions,
): Promise<DyadicError> {
  const parts: string[] = [];
  for (const name of Object.keys(budget) as (keyof Budget)[]) {
    const own = await smallest(space, cost, budget, name, options);
    if (own === undefined) continue;
    const others =
      Object.keys(budget).length === 1 ? "" : own.isJoint ? ", the other limits kept" : " by itself";
    parts.push(`${name} ${own.value} would do${others} (proven: no policy takes less than ${own.bound})`);
  }
  return new DyadicError("NO_POLICY", "no policy fits the budget", {
    expected: Object.entries(budget)
      .map(([name, limit]) => `${name} ${limit}`)
      .join(", "),
    found: parts.join("; "),
    hint: "a larger budget, or narrower widths to choose from",
  });
}

async function smallest(
  space: Space,
  cost: NetworkCost,
  budget: Budget,
  name: keyof Budget,
  options: RefusalOptions,
): Promise<Smallest | undefined> {
  const { [name]: _, ...others } = budget;
  for (const kept of [others, {}]) {
    const found =
      name === "ram"
        ? await leastRam(space, cost, kept, options)
        : await least(space, cost, kept, name, options);
    if (found !== undefined) return { name, ...found, isJoint: kept === others };
  }
  return undefined;
}

/** Of flash and latency: the sum of their row, minimised. */
async function least(
  space: Space,
  cost: NetworkCost,
  kept: Budget,
  name: "flash" | "latency",
  options: RefusalOptions,
) {
  const nothing = classSizes(space).map((size) => Array<number>(size).fill(0));
  const problem = problemOf(space, cost, nothing, { ...kept, [name]: 2 ** 31 }, [], options);
  const row = problem.limits.findIndex((limit) => limit.name === name);
  const classes = problem.classes.map((own) => ({
    ...own,
    choices: own.choices.map(({ costs }) => ({ costs, loss: costs[row]! })),
  }));
  const answer = await solve({ ...problem, classes }, options);
  if (!answer.feasible) return undefined;
  const { certificate, choices } = answer;
  const rest = name === "latency" ? 2 ** 31 - problem.limits[row]!.atMost : 0;
  const file = name === "flash" ? options.fileBytes?.(widthsOf(space, choices), certificate) : undefined;
  const more = file === undefined ? rest : file - certificate.loss;
  return { value: certificate.loss + more, bound: Math.ceil(certificate.bound + more) };
}

/** The smallest arena that the rows of all steps leave room in, by bisection, and what the planner makes of it. */
async function leastRam(space: Space, cost: NetworkCost, kept: Budget, options: RefusalOptions) {
  const nothing = classSizes(space).map((size) => Array<number>(size).fill(0));
  const own = { ...options, arena: options.arena ?? arenaRows(space, cost) };
  const fits = async (ram: number) => {
    const answer = await solve(problemOf(space, cost, nothing, { ...kept, ram }, [], own), options);
    return answer.feasible ? answer.choices : undefined;
  };
  let [low, high] = [
    0,
    cost.peakBytes(
      widthsOf(
        space,
        classSizes(space).map(() => 0),
      ),
    ) * 2,
  ];
  let choices = await fits(high);
  if (choices === undefined) return undefined;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    const found = await fits(middle);
    if (found === undefined) low = middle;
    else [high, choices] = [middle, found];
  }
  return { value: Math.max(high, cost.peakBytes(widthsOf(space, choices))), bound: high };
}
