// What every choice of a space loses, measured once: by content, so that another budget for the same model takes seconds.
import { type Calibration, graphHash } from "../../calibrate/calibration.ts";
import type { RangeOptions } from "../../calibrate/ranges.ts";
import type { Sample } from "../../float/samples.ts";
import type { Range } from "../../numerics/range.ts";
import { hex, sha256 } from "../../numerics/sha256.ts";
import type { NetworkCost } from "../cost/network.ts";
import { byContent, type LayerStore } from "../quantize.ts";
import { perturbActivations, perturbWeights, type Trials } from "../sensitivity/perturbations.ts";
import type { Evidence, Perturbation, SensitivityProvider } from "../sensitivity/provider.ts";
import { candidatesOf, lossesOf, type Space } from "./space.ts";

/** Where losses, and what leads to them, are kept as they are measured, so that nothing is measured twice. */
export interface LossStore {
  get(key: string): readonly number[] | undefined;
  set(key: string, numbers: readonly number[]): void;
}

export interface LossOptions {
  readonly provider: SensitivityProvider;
  readonly store?: LossStore | undefined;
  /** Where layers at every width are kept until their losses are known. */
  readonly trials?: LayerStore | undefined;
  readonly observer?: RangeOptions | undefined;
  readonly inputRange?: Range | undefined;
  readonly signal?: AbortSignal | undefined;
  onProgress?(done: number, total: number, stage: "round" | "measure"): void;
}

/** Multiply-adds that direct perturbation may take in all, and the fewest and most samples it is run on. */
const WORK = 1e12;
const FEWEST_SAMPLES = 16;
const MOST_SAMPLES = 256;

/**
 * Losses by class and choice of the space, from the store where it has them. Layers are rounded for all samples; losses
 * are measured on as many as the work allows.
 */
export async function measureLosses(
  { graph, samples, labels, module, shards }: Evidence,
  seen: Calibration,
  space: Space,
  cost: NetworkCost,
  options: LossOptions,
): Promise<number[][]> {
  const { provider, store, trials, observer, inputRange, signal, onProgress } = options;
  const { weights, activations } = candidatesOf(space);
  const candidates = [...weights, ...activations];
  const { order, hashes, places } = byContent(samples);
  const some = spread(order.length, samplesFor(cost, candidates.length));
  const known = labels && some.map((index) => labels[places[index]!]!);
  const seenBy = [graphHash(graph), hashes, observer ?? {}, inputRange ?? {}];
  const measuredBy = [provider.name, provider.version, some.length, ...(known ? [known] : [])];
  const context = hashOf([measuredBy, seenBy]);
  const keyed = (part: unknown) => hashOf([context, part]);
  const keys = candidates.map(keyed);
  const losses = keys.map((key) => store?.get(key)?.[0]);
  const missing = losses.flatMap((loss, index) => (loss === undefined ? [index] : []));
  if (missing.length > 0) {
    const wanted = new Set(missing);
    const narrow = activations.filter((_, index) => wanted.has(weights.length + index));
    const rounded = await perturbWeights(graph, seen, order, await module(), weights, {
      shards,
      observer,
      inputRange,
      signal,
      wanted: (index) => wanted.has(index),
      trials: trials && (() => openTrials(trials, hashOf([seenBy, weights]))),
      onProgress: (done, total) => onProgress?.(done, total, "round"),
    });
    const perturbations: Perturbation[] = [...rounded, ...perturbActivations(graph, seen, narrow, observer)];
    const evidence: Evidence = {
      graph,
      samples: some.map((index): Sample => order[index]!),
      module,
      ...(known && { labels: known }),
    };
    const asked = missing.map((index) => keys[index]);
    await provider.measure(evidence, perturbations, {
      signal,
      onLoss(index, loss) {
        losses[missing[index]!] = loss;
        store?.set(keys[missing[index]!]!, [loss]);
      },
      parts: store && {
        get: (part) => store.get(keyed([part, asked])),
        set: (part, numbers) => store.set(keyed([part, asked]), numbers),
      },
      onProgress: (done, total) => onProgress?.(done, total, "measure"),
    });
  }
  const all = losses.map((loss) => loss!);
  return lossesOf(space, all.slice(0, weights.length), all.slice(weights.length));
}

function openTrials(trials: LayerStore, key: string): Trials {
  return { known: trials.open(key), add: (index, weights) => trials.add(index, weights) };
}

function hashOf(value: unknown): string {
  return hex(sha256(new TextEncoder().encode(JSON.stringify(value))));
}

/** How many samples direct perturbation can afford: half of the network runs for a candidate, on average. */
function samplesFor(cost: NetworkCost, candidates: number): number {
  const macs = cost.layers.reduce((sum, _, layer) => sum + cost.macs(layer), 0);
  const affordable = Math.floor(WORK / Math.max(1, (macs * candidates) / 2));
  return Math.max(FEWEST_SAMPLES, Math.min(MOST_SAMPLES, affordable));
}

/** So many indices, evenly spread over those below a length. */
function spread(length: number, count: number): number[] {
  const own = Math.min(count, length);
  return Array.from({ length: own }, (_, i) => Math.floor(((i + 0.5) * length) / own));
}
