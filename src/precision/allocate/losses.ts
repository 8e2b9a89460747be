// What every choice of a space loses, measured once: by content, so that another budget for the same model takes seconds.
import { type Calibration, graphHash } from "../../calibrate/calibration.ts";
import type { RangeOptions } from "../../calibrate/ranges.ts";
import { DyadicError } from "../../error.ts";
import type { Sample } from "../../float/samples.ts";
import type { Range } from "../../numerics/range.ts";
import { hex, sha256 } from "../../numerics/sha256.ts";
import type { NetworkCost } from "../cost/network.ts";
import { byContent, type LayerStore } from "../quantize.ts";
import { perturbActivations, perturbWeights, type Trials } from "../sensitivity/perturbations.ts";
import type { Evidence, MeasureOptions, SensitivityProvider } from "../sensitivity/provider.ts";
import type { Pair } from "../solve/problem.ts";
import { couplesOf, pairsOf } from "./pairs.ts";
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

/** What a space loses. */
export interface MeasuredLosses {
  /** By class and choice. */
  readonly losses: readonly (readonly number[])[];
  /** Of layers, where the provider goes by pairs. */
  readonly pairs: readonly Pair[];
}

/**
 * Losses by class and choice of the space, from the store where it has them. Layers are rounded for all samples; losses
 * are measured on as many as the work allows. Throws BAD_ARGUMENT where a network has too many pairs.
 */
export async function measureLosses(
  { graph, samples, labels, module, shards }: Evidence,
  seen: Calibration,
  space: Space,
  cost: NetworkCost,
  options: LossOptions,
): Promise<MeasuredLosses> {
  const { provider, store, trials, observer, inputRange, signal, onProgress } = options;
  const { weights, activations } = candidatesOf(space);
  const candidates = [...weights, ...activations];
  const couples = provider.isPairwise ? couplesOf(weights) : [];
  const { order, hashes, places } = byContent(samples);
  const some = spread(order.length, samplesFor(cost, candidates.length, couples.length));
  const known = labels && some.map((index) => labels[places[index]!]!);
  const seenBy = [graphHash(graph), hashes, observer ?? {}, inputRange ?? {}];
  const measuredBy = [provider.name, provider.version, some.length, ...(known ? [known] : [])];
  const context = hashOf([measuredBy, seenBy]);
  const keyed = (part: unknown) => hashOf([context, part]);
  const single = new Known(store, candidates.map(keyed));
  const joint = new Known(
    store,
    couples.map(([a, b]) => keyed([weights[a], weights[b]])),
  );
  if (single.missing.length + joint.missing.length > 0) {
    const wanted = new Set(joint.missing.length > 0 ? weights.keys() : single.missing);
    const rounded = await perturbWeights(graph, seen, order, await module(), weights, {
      shards,
      observer,
      inputRange,
      signal,
      wanted: (index) => wanted.has(index),
      trials: trials && (() => openTrials(trials, hashOf([seenBy, weights]))),
      onProgress: (done, total) => onProgress?.(done, total, "round"),
    });
    const evidence: Evidence = {
      graph,
      samples: some.map((index): Sample => order[index]!),
      module,
      ...(known && { labels: known }),
    };
    const measured = (own: Known, asked: unknown): MeasureOptions => ({
      signal,
      onLoss: (place, loss) => own.take(place, loss),
      parts: store && {
        get: (part) => store.get(keyed([part, asked])),
        set: (part, numbers) => store.set(keyed([part, asked]), numbers),
      },
      onProgress: (done, total) => onProgress?.(done, total, "measure"),
    });
    const narrow = perturbActivations(graph, seen, activations, observer);
    const asked = single.missing.map((index) => rounded[index] ?? narrow[index - weights.length]!);
    if (asked.length > 0) await provider.measure(evidence, asked, measured(single, single.missingKeys));
    const together = joint.missing.map((index) => couples[index]!.map((own) => rounded[own]!));
    if (together.length > 0) await provider.measurePairs!(evidence, together, measured(joint, []));
  }
  const losses = lossesOf(space, single.all.slice(0, weights.length), single.all.slice(weights.length));
  return { losses, pairs: pairsOf(space, couples, joint.all, single.all) };
}

/** Losses with the keys that a store has them under. */
class Known {
  readonly all: number[];
  /** Indices of those that are not known at first. */
  readonly missing: readonly number[];
  private readonly store: LossStore | undefined;
  private readonly keys: readonly string[];

  constructor(store: LossStore | undefined, keys: readonly string[]) {
    this.store = store;
    this.keys = keys;
    this.all = keys.map((key) => store?.get(key)?.[0] ?? Number.NaN);
    this.missing = this.all.flatMap((loss, index) => (Number.isNaN(loss) ? [index] : []));
  }

  get missingKeys(): string[] {
    return this.missing.map((index) => this.keys[index]!);
  }

  /** @param place among the missing ones */
  take(place: number, loss: number): void {
    const index = this.missing[place]!;
    this.all[index] = loss;
    this.store?.set(this.keys[index]!, [loss]);
  }
}

function openTrials(trials: LayerStore, key: string): Trials {
  return { known: trials.open(key), add: (index, weights) => trials.add(index, weights) };
}

function hashOf(value: unknown): string {
  return hex(sha256(new TextEncoder().encode(JSON.stringify(value))));
}

/** How many samples direct perturbation can afford: half of the network runs for a candidate, on average. */
function samplesFor(cost: NetworkCost, candidates: number, couples: number): number {
  const macs = cost.layers.reduce((sum, _, layer) => sum + cost.macs(layer), 0);
  const affordable = Math.floor(WORK / Math.max(1, (macs * (candidates + couples)) / 2));
  if (couples > 0 && affordable < FEWEST_SAMPLES) {
    throw new DyadicError("BAD_ARGUMENT", "losses of pairs are for small networks", {
      expected: `at most ${Math.floor((2 * WORK) / FEWEST_SAMPLES)} multiply-adds in pairs of widths`,
      found: `${macs * couples}: ${couples} pairs of ${macs}`,
      hint: "another --sensitivity, or fewer widths to choose from",
    });
  }
  return Math.max(FEWEST_SAMPLES, Math.min(MOST_SAMPLES, affordable));
}

/** So many indices, evenly spread over those below a length. */
function spread(length: number, count: number): number[] {
  const own = Math.min(count, length);
  return Array.from({ length: own }, (_, i) => Math.floor(((i + 0.5) * length) / own));
}
