// From a float network, what was seen of it and a budget to a policy with its certificate.
import { type Calibration, graphHash } from "../../calibrate/calibration.ts";
import type { RangeOptions } from "../../calibrate/ranges.ts";
import type { Sample } from "../../float/samples.ts";
import type { IntegerGraph } from "../../graph/integer.ts";
import type { ActivationBits } from "../../numerics/pack.ts";
import type { Range } from "../../numerics/range.ts";
import { hex, sha256 } from "../../numerics/sha256.ts";
import type { ActivationOptions } from "../../quantize/post-training.ts";
import type { WeightWidth } from "../../quantize/rounding/index.ts";
import { NetworkCost, type Widths } from "../cost/network.ts";
import type { Policy } from "../policy.ts";
import { byContent } from "../quantize.ts";
import { perturbActivations, perturbWeights } from "../sensitivity/perturbations.ts";
import type { Evidence, Perturbation, SensitivityProvider } from "../sensitivity/provider.ts";
import type { Certificate } from "../solve/index.ts";
import { type AllocateOptions, type Allocation, allocate } from "./allocate.ts";
import type { Budget } from "./knapsack.ts";
import { candidatesOf, lossesOf, policyOf, type Space, searchSpace } from "./space.ts";

/** Where losses are kept as they are measured, so that nothing is measured twice. */
export interface LossStore {
  get(key: string): number | undefined;
  set(key: string, loss: number): void;
}

export interface AllocationOptions extends Omit<AllocateOptions, "fileBytes"> {
  readonly budget: Budget;
  readonly weightBits: readonly WeightWidth[];
  /** Considered where RAM or latency is limited and 8 bits do not do. */
  readonly activationBits: readonly ActivationBits[];
  readonly provider: SensitivityProvider;
  readonly store?: LossStore | undefined;
  readonly observer?: RangeOptions | undefined;
  readonly inputRange?: Range | undefined;
  readonly borders?: ActivationOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the file of a network under a policy: written as a draft, not estimated. */
  readonly fileBytes?:
    | ((network: IntegerGraph, policy: Policy, certificate: Certificate) => number)
    | undefined;
  onProgress?(done: number, total: number, stage: "round" | "measure"): void;
}

/** A policy, and everything that speaks for it. */
export interface Allocated {
  readonly policy: Policy;
  readonly allocation: Allocation;
  readonly space: Space;
  readonly cost: NetworkCost;
  /** By class and choice. */
  readonly losses: readonly (readonly number[])[];
  readonly provider: string;
}

/** Multiply-adds that direct perturbation may take in all, and the fewest and most samples it is run on. */
const WORK = 1e12;
const FEWEST_SAMPLES = 16;
const MOST_SAMPLES = 256;

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
  // The arena of wide weights: narrow ones need a little scratch besides.
  const isShort =
    budget.ram !== undefined && cost.peakBytes(narrowest(all8, options.weightBits)) > budget.ram;
  const space =
    isShort || budget.latency !== undefined
      ? searchSpace(graph, options.weightBits, options.activationBits)
      : wide;
  const losses = await measure(evidence, seen, space, cost, options);
  const policy = (widths: Widths) => policyOf(space, widths);
  const { fileBytes: sized, ...others } = options;
  const allocation = await allocate(space, cost, losses, budget, {
    ...others,
    ...(sized && {
      fileBytes: (widths: Widths, certificate: Certificate) =>
        sized(cost.at(widths), policy(widths), certificate),
    }),
  });
  return { policy: policy(allocation.widths), allocation, space, cost, losses, provider: provider.name };
}

function narrowest({ weights, activations }: Widths, choices: readonly WeightWidth[]): Widths {
  const [least] = [...choices].sort((a, b) => Number(a) - Number(b));
  return { weights: weights.map(() => least ?? 8), activations };
}

/** Losses of everything that the space may choose, from the store where it has them. */
async function measure(
  { graph, samples, module }: Evidence,
  seen: Calibration,
  space: Space,
  cost: NetworkCost,
  options: AllocationOptions,
): Promise<number[][]> {
  const { provider, store, observer, inputRange, signal, onProgress } = options;
  const { weights, activations } = candidatesOf(space);
  const candidates = [...weights, ...activations];
  const { order, hashes } = byContent(samples);
  const some = spread(order, samplesFor(cost, candidates.length));
  const seenBy = [
    provider.name,
    provider.version,
    graphHash(graph),
    hashes,
    some.length,
    observer ?? {},
    inputRange ?? {},
  ];
  const context = JSON.stringify(seenBy);
  const keys = candidates.map((own) => hex(sha256(new TextEncoder().encode(context + JSON.stringify(own)))));
  const losses = keys.map((key) => store?.get(key));
  const missing = losses.flatMap((loss, index) => (loss === undefined ? [index] : []));
  if (missing.length > 0) {
    const wanted = missing.filter((index) => index < weights.length).map((index) => weights[index]!);
    const narrow = missing.slice(wanted.length).map((index) => activations[index - weights.length]!);
    const rounded = await perturbWeights(graph, seen, order, await module(), wanted, {
      observer,
      inputRange,
      signal,
      onProgress: (done, total) => onProgress?.(done, total, "round"),
    });
    const perturbations: Perturbation[] = [...rounded, ...perturbActivations(graph, seen, narrow, observer)];
    let done = candidates.length - missing.length;
    await provider.measure({ graph, samples: some, module }, perturbations, {
      signal,
      onLoss(index, loss) {
        losses[missing[index]!] = loss;
        store?.set(keys[missing[index]!]!, loss);
        onProgress?.(++done, candidates.length, "measure");
      },
    });
  }
  const known = losses.map((loss) => loss!);
  return lossesOf(space, known.slice(0, weights.length), known.slice(weights.length));
}

/** How many samples direct perturbation can afford: half of the network runs for a candidate, on average. */
function samplesFor(cost: NetworkCost, candidates: number): number {
  const macs = cost.layers.reduce((sum, _, layer) => sum + cost.macs(layer), 0);
  const affordable = Math.floor(WORK / Math.max(1, (macs * candidates) / 2));
  return Math.max(FEWEST_SAMPLES, Math.min(MOST_SAMPLES, affordable));
}

/** So many samples, evenly spread over a set. */
function spread(samples: readonly Sample[], count: number): Sample[] {
  const length = Math.min(count, samples.length);
  return Array.from({ length }, (_, i) => samples[Math.floor(((i + 0.5) * samples.length) / length)]!);
}

export type { Allocation } from "./allocate.ts";
export { type FrontierPoint, frontierOf } from "./frontier.ts";
export type { Budget } from "./knapsack.ts";
