// A budget as the command line spends it where nothing else is said, and what more of it would buy.
import type { Allocating, Compiled } from "../compile.ts";
import type { ActivationBits } from "../numerics/pack.ts";
import { type Budget, type FrontierPoint, frontierOf } from "../precision/allocate/index.ts";
import { buildOf, StepTimes } from "../precision/cost/latency.ts";
import type { LatencyTable } from "../precision/cost/latency-table.ts";
import { defaultProvider, PROVIDERS } from "../precision/sensitivity/index.ts";
import type { WeightWidth } from "../quantize/rounding/index.ts";

/** Widths that are tried: the widest first, where a search starts. */
export const WEIGHT_CHOICES: readonly WeightWidth[] = [8, 6, 5, 4, 3, 2];
export const ACTIVATION_CHOICES: readonly ActivationBits[] = [8, 4, 2];

/**
 * How a budget is spent: every width, losses by direct perturbation on this thread.
 *
 * @param table times of steps, where the budget limits latency
 */
export function spending(budget: Budget, table?: LatencyTable): Allocating {
  return {
    budget,
    ...(table && { times: new StepTimes(buildOf(table)) }),
    weightBits: WEIGHT_CHOICES,
    activationBits: ACTIVATION_CHOICES,
    provider: (graph) => PROVIDERS[defaultProvider(graph)],
  };
}

/**
 * The least loss over all budgets of flash, the other limits kept, by rising bytes; nothing is measured anew.
 *
 * @param onPoints called with what is known so far, as it grows
 */
export async function frontier(
  { allocated }: Pick<Compiled, "allocated">,
  { budget, solver, times }: Pick<Allocating, "budget" | "solver" | "times">,
  onPoints?: (points: readonly FrontierPoint[]) => void,
): Promise<FrontierPoint[]> {
  if (allocated === undefined) return [];
  const { space, cost, losses, pairs, allocation } = allocated;
  const options = {
    pairs,
    ...(solver && { solver }),
    ...(times && { times }),
    ...(onPoints && { onPoints }),
  };
  return frontierOf(space, cost, losses, budget, allocation, options);
}
