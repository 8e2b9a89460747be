import { Calibration, graphHash } from "../calibrate/calibration.ts";
import { sampleHash } from "../calibrate/observer.ts";
import { chooseRange, type RangeOptions } from "../calibrate/ranges.ts";
import { DyadicError } from "../error.ts";
import type { Sample, Samples } from "../float/samples.ts";
import type { Graph } from "../graph/graph.ts";
import type { Range, Ranges } from "../numerics/range.ts";
import { hex, sha256 } from "../numerics/sha256.ts";
import { type LayerPlace, layersOf } from "../quantize/layer.ts";
import type { LayerChoice, LayerWeights } from "../quantize/layer-weights.ts";
import { type ActivationOptions, quantizePostTraining } from "../quantize/post-training.ts";
import { reestimate } from "../quantize/re-estimate.ts";
import { reconstruct } from "../quantize/reconstruction/index.ts";
import { quantizeSequentially, type SequentialOptions } from "../quantize/sequential.ts";
import type { ShardSamples } from "../quantize/shards.ts";
import {
  applyPolicy,
  effectivePolicy,
  type LayerPolicy,
  namedWidths,
  type Policy,
  type PolicyRow,
} from "./policy.ts";
import { type Streamed, widenStream } from "./stream.ts";
import { type ActivationWidths, activationWidths } from "./widths.ts";

/** Raised when a method's results change: layers of older versions are then not taken for its own. */
const METHODS_VERSION = 2;

/** A policy applied to a graph: what holds for every layer and every activation. */
export interface Decision {
  /** The graph that is quantized: the given one, and requantize nodes where its residual stream has 16 bits. */
  readonly streamed: Streamed;
  /** Activations have the bits that they get, which may be others than were asked for. */
  readonly rows: readonly PolicyRow[];
  readonly widths: ActivationWidths;
  readonly biasCorrection: boolean;
  /** Whether the policy itself asks for bias correction. */
  readonly insists: boolean;
  /** The policy in its one form: applied to the same graph, it gives this decision. */
  readonly policy: Policy;
}

/** What a policy's methods work on. */
export interface Evidence {
  /** What was seen of the graph, or ranges alone. */
  readonly seen: Calibration | Ranges;
  /** Samples of the graph's inputs; none where only a calibration was given. */
  readonly samples: Samples;
  /** assembly/build/calibrator.wasm, compiled; asked for only where samples are run. */
  module(): Promise<WebAssembly.Module>;
  /** Where samples are run while layers are rounded; left out, on this thread. */
  readonly shards?: ShardSamples | undefined;
}

/** Where layers are kept as they are finished, so that a run that was stopped goes on from there. */
export interface LayerStore {
  /** The layers that a run of the same key has finished, by index. The key says everything that they depend on. */
  open(key: string): ReadonlyMap<number, LayerWeights>;
  /** Keeps one more of them. */
  add(index: number, weights: LayerWeights): void;
}

export interface QuantizeOptions extends ActivationOptions, Pick<SequentialOptions, "signal" | "onProgress"> {
  readonly observer?: RangeOptions | undefined;
  /** Range of the model's one input, where it is known. */
  readonly inputRange?: Range | undefined;
  readonly layers?: LayerStore | undefined;
}

/**
 * What a policy means for a graph, before anything is calibrated. Throws what applyPolicy does.
 */
export function decide(graph: Graph, policy: Policy): Decision {
  const asked = applyPolicy(graph, policy);
  const streamed = widenStream(graph, policy, asked);
  const widths = activationWidths(streamed, policy, asked);
  const rows = layersOf(graph).map(({ node, place }) => {
    const row = asked[place.index]!;
    return { ...row, settings: { ...row.settings, activationBits: widths.bits.get(node.outputs[0]!)! } };
  });
  const { biasCorrection = true } = policy;
  const whole = effectivePolicy(asked, { ...policy, biasCorrection }, namedWidths(graph, policy));
  return { streamed, rows, widths, policy: whole, biasCorrection, insists: policy.biasCorrection === true };
}

/** What a network's policy may ask for that looks at samples after calibration. */
const OPTIONS = ["biasCorrection", "reestimation", "reconstruction"] as const;

/** The decision where there are only ranges. Throws BAD_ARGUMENT, naming the layer, where it cannot do without samples. */
function withoutSamples(decision: Decision): Decision {
  const { rows, insists, policy } = decision;
  const row = rows.find(({ settings }) => settings.rounding !== "nearest");
  const [option] = OPTIONS.filter((own) => (own === "biasCorrection" ? insists : policy[own]));
  if (row === undefined && option === undefined) {
    return { ...decision, biasCorrection: false, policy: { ...policy, biasCorrection: false } };
  }
  const what = row ? `the rounding "${row.settings.rounding}"` : `the policy's ${option}`;
  throw new DyadicError("BAD_ARGUMENT", `${what} needs samples, and there are only ranges`, {
    ...(row && { node: row.name, op: row.op }),
    expected: "real inputs",
    hint: '--calibrate FOLDER or X.npy; or the policy\'s rounding "nearest", without any of its methods',
  });
}

/** A policy for questions of size alone, which no method changes: it needs no samples. */
export function forSize(policy: Policy): Policy {
  const plain = <T extends Partial<LayerPolicy>>(settings: T): T => ({ ...settings, rounding: "nearest" });
  return {
    ...policy,
    biasCorrection: false,
    biasAbsorption: false,
    reestimation: false,
    reconstruction: false,
    defaults: plain(policy.defaults ?? {}),
    overrides: (policy.overrides ?? []).map((own) => (own.rounding === undefined ? own : plain(own))),
  };
}

/** The range of every activation for the width that it has. Of 16 bits there are enough for the extremes. */
export function rangesFor(
  seen: Calibration | Ranges,
  { widths: { bits }, streamed }: Pick<Decision, "widths" | "streamed">,
  observer: RangeOptions = {},
): Map<number, Range> {
  const rangeOf = (tensor: number, of: number): Range | undefined => {
    if (!(seen instanceof Calibration)) return seen.get(of);
    const own = seen.statistics.get(of);
    const width = bits.get(tensor) ?? 8;
    const method = width === 16 ? { method: "minmax" as const } : {};
    return own && chooseRange(own, { ...observer, ...method, bits: width });
  };
  const ranges = new Map<number, Range>();
  for (const tensor of bits.keys()) {
    const range = rangeOf(tensor, streamed.added.get(tensor)?.of ?? tensor);
    if (range !== undefined) ranges.set(tensor, range);
  }
  return ranges;
}

/**
 * A float graph quantized as decided, and what holds in the end: without samples no bias is corrected, unless an earlier
 * run left its layers. The result does not depend on the order of the samples. Throws BAD_ARGUMENT, naming the layer, for
 * methods that need samples where there are none.
 */
export async function quantizeByPolicy(
  decided: Decision,
  { seen, samples, module, shards }: Evidence,
  options: QuantizeOptions = {},
): Promise<{ graph: Graph; decision: Decision }> {
  const { graph } = decided.streamed;
  const ranges = rangesFor(seen, decided, options.observer);
  if (options.inputRange !== undefined) ranges.set(graph.inputs[0]!.tensor, options.inputRange);
  if (!needsSamples(decided))
    return { decision: decided, graph: nearestGraph(graph, ranges, decided, options) };
  const { order, hashes } = byContent(samples);
  const known = order.length > 0 || !(seen instanceof Calibration) ? hashes : seen.samples;
  const finished = options.layers?.open(keyOf(graph, decided, ranges, known, options)) ?? new Map();
  const { reconstruction = false, reestimation = false } = decided.policy;
  if (
    order.length === 0 &&
    (reconstruction || reestimation || decided.rows.some((_, index) => !finished.has(index)))
  ) {
    const decision = withoutSamples(decided);
    return { decision, graph: nearestGraph(graph, ranges, decision, options) };
  }
  const sequential: SequentialOptions = {
    ...options,
    ...choices(decided),
    finished,
    shards,
    onLayer: (index, weights) => options.layers?.add(index, weights),
  };
  const compiled = await module();
  const rounded = await quantizeSequentially(graph, ranges, order, compiled, sequential);
  const { signal, onProgress } = options;
  const progress = { signal, ...(onProgress && { onProgress }) };
  const matched = reestimation ? await reestimate(graph, rounded, order, compiled, progress) : rounded;
  const refined = reconstruction ? await reconstruct(graph, matched, order, compiled, progress) : matched;
  return { decision: decided, graph: refined };
}

function needsSamples({ rows, policy, biasCorrection }: Decision): boolean {
  if (rows.length === 0) return false;
  return (
    biasCorrection ||
    policy.reconstruction === true ||
    policy.reestimation === true ||
    rows.some(({ settings }) => settings.rounding !== "nearest")
  );
}

function nearestGraph(graph: Graph, ranges: Ranges, decision: Decision, options: QuantizeOptions): Graph {
  return quantizePostTraining(graph, ranges, { ...options, ...choices(decision) });
}

function choices({ rows, widths, biasCorrection }: Decision) {
  const choose = ({ index }: LayerPlace): LayerChoice => {
    const { weightBits, rounding, granularity } = rows[index]!.settings;
    return { width: weightBits, method: rounding, granularity };
  };
  return { choose, activationBits: widths.bits, biasCorrection };
}

/** All samples in memory, in the order of their content's hashes: files may be read in any. Places: where they were. */
export function byContent(samples: Samples): { order: Sample[]; hashes: string[]; places: number[] } {
  const own = Array.from({ length: samples.length }, (_, i) => {
    const sample = samples.at(i)!;
    return { sample, hash: sampleHash(sample), place: i };
  });
  own.sort((a, b) => (a.hash < b.hash ? -1 : Number(a.hash > b.hash)));
  return {
    order: own.map(({ sample }) => sample),
    hashes: own.map(({ hash }) => hash),
    places: own.map(({ place }) => place),
  };
}

/** Everything that the integers of a layer depend on, hashed. */
function keyOf(
  graph: Graph,
  { rows, widths, biasCorrection }: Decision,
  ranges: Ranges,
  samples: readonly string[],
  { input, inputZeroPoints, activations }: QuantizeOptions,
): string {
  const byTensor = <T>(map: ReadonlyMap<number, T>) => [...map].sort(([a], [b]) => a - b);
  const settings = rows.map((row) => row.settings);
  const options = [biasCorrection, input, inputZeroPoints, activations];
  const parts = [graphHash(graph), samples, byTensor(ranges), byTensor(widths.bits), settings, options];
  return hex(sha256(new TextEncoder().encode(JSON.stringify([METHODS_VERSION, ...parts]))));
}
