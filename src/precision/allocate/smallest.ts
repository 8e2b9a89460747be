// Where no policy fits: the smallest budgets that would do, and the bounds that prove it.
import { SECTION_ALIGNMENT } from "../../../assembly/abi.ts";
import { DyadicError } from "../../error.ts";
import { scratchBytes } from "../../plan/index.ts";
import { arenaBound } from "../cost/arena.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import { type Certificate, type SolveOptions, solve } from "../solve/index.ts";
import { type Budget, problemOf, type RowOptions } from "./knapsack.ts";
import { classSizes, type Space, widthsOf } from "./space.ts";

/** The certificate of the smallest file has longer numbers than one that minimises bytes. */
const HEADER_SLACK = 2 * SECTION_ALIGNMENT;

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

/**
 * NO_POLICY, with the smallest value of every limit that would do and its proof.
 *
 * @param rest bytes of a file that are not weights, where it was asked for
 */
export async function refusal(
  space: Space,
  cost: NetworkCost,
  budget: Budget,
  options: RefusalOptions,
  rest: number,
): Promise<DyadicError> {
  const parts: string[] = [];
  for (const name of Object.keys(budget) as (keyof Budget)[]) {
    const own = await smallest(space, cost, withoutRest(budget, rest), name, options);
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

function withoutRest({ flash, ...others }: Budget, rest: number): Budget {
  return flash === undefined ? others : { ...others, flash: flash - rest };
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

/** Bytes of the smallest weights within the other limits; undefined where there are none. */
export async function leastWeightBytes(
  space: Space,
  cost: NetworkCost,
  others: Budget,
  options: RefusalOptions,
): Promise<number | undefined> {
  const { fileBytes: _, ...plain } = options;
  const found = await least(space, cost, others, "flash", plain);
  return found && found.value - HEADER_SLACK;
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
  if (!answer.feasible || !keepsRam(space, cost, kept, answer.choices)) return undefined;
  const { certificate, choices } = answer;
  if (name === "latency") {
    const fixed = 2 ** 31 - problem.limits[row]!.atMost;
    return { value: certificate.loss + fixed, bound: Math.ceil(certificate.bound + fixed) };
  }
  const rest = (widths: Widths, own: Certificate) =>
    (options.fileBytes?.(widths, own) ?? cost.totalWeightBytes(widths)) - cost.totalWeightBytes(widths);
  const value = certificate.loss + rest(widthsOf(space, choices), certificate);
  // No header is shorter than that of one width everywhere, under a certificate that says nothing.
  const uniform = widthsOf(
    space,
    choices.map(() => 0),
  );
  const least = rest(uniform, {
    ...certificate,
    loss: 0,
    bound: 0,
    gap: 0,
    resolution: 1,
    limits: [],
    nodes: 0,
  });
  return {
    value: value + HEADER_SLACK,
    bound: Math.ceil(certificate.bound) + Math.max(0, least - SECTION_ALIGNMENT),
  };
}

/** The planner's smallest arena for the narrowest activations, with the least scratch that the other limits leave. */
export async function leastRam(space: Space, cost: NetworkCost, kept: Budget, options: RefusalOptions) {
  const base = narrowest(space);
  const losses = classSizes(space).map((size, i) =>
    Array.from({ length: size }, (_, j) => {
      if (i >= space.layers.length) return base[i] === j ? 0 : 1;
      const network = cost.at(widthsOf(space, base.with(i, j)));
      return scratchBytes(network, cost.layers[i]!);
    }),
  );
  const answer = await solve(problemOf(space, cost, losses, kept, [], options), options);
  if (!answer.feasible) return undefined;
  const value = cost.planned(widthsOf(space, answer.choices), 0).layout.peakBytes;
  return { value, bound: arenaBound(cost.at(widthsOf(space, base))), choices: answer.choices };
}

/** The narrowest activations, and the widest weights. */
function narrowest(space: Space): number[] {
  return classSizes(space).map((size, i) => (i < space.layers.length ? 0 : size - 1));
}

/** Whether the planner keeps a limit of RAM with these weights and some activations. */
function keepsRam(space: Space, cost: NetworkCost, { ram }: Budget, choices: readonly number[]): boolean {
  if (ram === undefined) return true;
  const own = narrowest(space).map((choice, i) => (i < space.layers.length ? choices[i]! : choice));
  return cost.planned(widthsOf(space, own), ram).layout.peakBytes <= ram;
}
