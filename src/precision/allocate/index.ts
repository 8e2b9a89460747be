// From a float network, what was seen of it and a budget to a policy with its certificate.
import type { Calibration } from "../../calibrate/calibration.ts";
import type { ActivationBits } from "../../numerics/pack.ts";
import type { Planned } from "../../plan/index.ts";
import type { ActivationOptions } from "../../quantize/post-training.ts";
import type { WeightWidth } from "../../quantize/rounding/index.ts";
import { NetworkCost, type Widths } from "../cost/network.ts";
import type { Policy } from "../policy.ts";
import type { Evidence } from "../sensitivity/provider.ts";
import type { Certificate } from "../solve/index.ts";
import type { Pair } from "../solve/problem.ts";
import { type AllocateOptions, type Allocation, allocate } from "./allocate.ts";
import type { Budget } from "./knapsack.ts";
import { type LossOptions, measureLosses } from "./losses.ts";
import { policyOf, type Space, searchSpace } from "./space.ts";

export interface AllocationOptions extends Omit<AllocateOptions, "fileBytes">, LossOptions {
  readonly budget: Budget;
  readonly weightBits: readonly WeightWidth[];
  /** Considered where latency is limited, and where no plan of 8 bits fits the RAM, by bands or not. */
  readonly activationBits: readonly ActivationBits[];
  readonly borders?: ActivationOptions | undefined;
  /** Bytes of the file of a network under a policy: written as a draft, not estimated. */
  readonly fileBytes?: ((planned: Planned, policy: Policy, certificate: Certificate) => number) | undefined;
}

/** A policy, and everything that speaks for it. */
export interface Allocated {
  readonly policy: Policy;
  readonly allocation: Allocation;
  readonly space: Space;
  readonly cost: NetworkCost;
  /** By class and choice. */
  readonly losses: readonly (readonly number[])[];
  readonly pairs: readonly Pair[];
  readonly provider: string;
}

/**
 * The policy with the least loss within a budget. Depends on graph, samples and options alone.
 * Throws NO_POLICY where nothing fits, and what calibrated networks throw.
 */
export async function choosePolicy(
  evidence: Evidence,
  seen: Calibration,
  options: AllocationOptions,
): Promise<Allocated> {
  const { graph } = evidence;
  const { budget, provider } = options;
  const cost = new NetworkCost(graph, options.borders);
  const wide = searchSpace(graph, options.weightBits, []);
  const all8: Widths = { weights: wide.layers.map(() => 8), activations: new Map() };
  // Narrow weights need a little scratch besides.
  const most = narrowest(all8, options.weightBits);
  const isShort = budget.ram !== undefined && cost.planned(most, budget.ram).layout.peakBytes > budget.ram;
  const space =
    isShort || budget.latency !== undefined
      ? searchSpace(graph, options.weightBits, options.activationBits)
      : wide;
  const { losses, pairs } = await measureLosses(evidence, seen, space, cost, options);
  const policy = (widths: Widths) => policyOf(space, widths);
  const { fileBytes: sized, ...others } = options;
  const allocation = await allocate(space, cost, losses, budget, {
    ...others,
    pairs,
    ...(sized && {
      fileBytes: (widths: Widths, certificate: Certificate) =>
        sized(cost.planned(widths, budget.ram), policy(widths), certificate),
    }),
  });
  return {
    policy: policy(allocation.widths),
    allocation,
    space,
    cost,
    losses,
    pairs,
    provider: provider.name,
  };
}

function narrowest({ weights, activations }: Widths, choices: readonly WeightWidth[]): Widths {
  const [least] = [...choices].sort((a, b) => Number(a) - Number(b));
  return { weights: weights.map(() => least ?? 8), activations };
}

export type { Allocation } from "./allocate.ts";
export { type FrontierPoint, frontierOf } from "./frontier.ts";
export { holdBudget } from "./hold.ts";
export type { Budget } from "./knapsack.ts";
export type { LossStore } from "./losses.ts";
