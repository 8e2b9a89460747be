// Weights layer by layer, each against inputs that the layers before it have already spoilt.
import { DyadicError } from "../error.ts";
import type { Samples } from "../float/samples.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import type { Affine, Ranges } from "../numerics/range.ts";
import { opNamed } from "../ops/index.ts";
import { chooseShrinkage, dampingFor, isAmple } from "./damping.ts";
import { type Layer, type LayerPlace, layerOf, layersOf } from "./layer.ts";
import {
  type LayerChoice,
  type LayerWeights,
  nearestLayer,
  placeLayer,
  roundLayer,
  unseenMeans,
} from "./layer-weights.ts";
import { meansOf } from "./means.ts";
import {
  addSums,
  type Means,
  type Moments,
  momentsOf,
  unitsOf,
  type Windows,
  windowCount,
} from "./moments.ts";
import { type ActivationOptions, quantizeActivations } from "./post-training.ts";
import type { RoundingName, WeightWidth } from "./rounding/index.ts";
import { hereAlone, type ShardSamples, type Shards } from "./shards.ts";
import { keptAffine } from "./twins.ts";

export interface SequentialOptions extends ActivationOptions {
  /** Default: 8 bits, coordinate descent. */
  readonly choose?: (layer: LayerPlace) => LayerChoice;
  /** Whether biases take up the mean error of a layer's outputs. Default true. */
  readonly biasCorrection?: boolean;
  /**
   * Share of the mean diagonal of the second moments that is added to it. Left out, 0.01 where the samples are many,
   * and otherwise more; for the least-squares target what serves one half of them best when fitted to the other.
   */
  readonly damping?: number;
  /** Most windows that the moments of a layer are taken over. Default 120,000; 12,000 a group of a grouped layer. */
  readonly columns?: number;
  /** Whether a layer in front of an add also makes up for what the add's other branch lost. Default true. */
  readonly compensateBranches?: boolean;
  /** Layers that an earlier run has finished, by their index: they are taken as they are. With all, no sample is read. */
  readonly finished?: ReadonlyMap<number, LayerWeights>;
  /** Called with every other layer as it is finished: what `finished` of a later run takes. */
  onLayer?(index: number, weights: LayerWeights): void;
  /** Called with every layer before it is rounded as chosen, and with what rounds it otherwise, for the same inputs. */
  onTrial?(layer: LayerPlace, trial: LayerTrial): Promise<void>;
  /** Where the samples are run. Default: on this thread. The result does not depend on it. */
  readonly shards?: ShardSamples | undefined;
  /** Aborts between two samples: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  onProgress?(done: number, total: number): void;
}

/** Rounded weights and bias as reals, in the layout of the graph. */
export interface LayerReals {
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** What tries other roundings of a layer. */
export interface LayerTrial {
  round(choice: LayerChoice): Promise<LayerWeights>;
  reals(weights: LayerWeights): LayerReals;
}

/** One width and method for all layers, but 8 bits for the first and the last, and for depthwise where given. */
export function uniformChoice(
  width: WeightWidth,
  method: RoundingName = "coordinate-descent",
  depthwise: WeightWidth = width,
): (layer: LayerPlace) => LayerChoice {
  return ({ op, index, count }) => {
    const border = index === 0 || index === count - 1;
    return { method, width: border ? 8 : op === "depthwise" ? depthwise : width };
  };
}

/**
 * Quantizes a float graph layer by layer in execution order. Every layer is rounded for the inputs that it will get
 * from the quantized layers in front of it, and its bias takes up the mean error of its outputs (Nagel 2019, DFQ,
 * section 4.2). The result depends on graph, ranges, samples and options alone.
 * Throws BAD_ARGUMENT for an empty set, BAD_INPUT for a sample of the wrong size, and what quantizePostTraining does.
 *
 * @param module assembly/build/calibrator.wasm, compiled
 */
export async function quantizeSequentially(
  graph: Graph,
  ranges: Ranges,
  samples: Samples,
  module: WebAssembly.Module,
  options: SequentialOptions = {},
): Promise<Graph> {
  const base = quantizeActivations(graph, ranges, options);
  const isFinished = layersOf(graph).every(({ place }) => options.finished?.has(place.index));
  if (isFinished && options.onTrial === undefined) {
    return placeFinished(graph, base, options.finished!);
  }
  if (samples.length === 0) {
    throw new DyadicError("BAD_ARGUMENT", "the calibration set is empty", {
      expected: "real samples of what the model will see; some 500 are enough",
    });
  }
  const order = shortcutsFirst(graph);
  const all = Array.from({ length: samples.length }, (_, i) => samples.at(i)!);
  const positions = order.map((node) => graph.nodes.indexOf(node));
  const setup = { graph, base, order: positions, samples: all, first: 0, count: all.length, module };
  const { shards = hereAlone, signal } = options;
  const twins = await shards(setup, signal);
  try {
    return await new Sequence(graph, base, order, all.length, twins, options).quantize();
  } finally {
    await twins.end();
  }
}

class Sequence {
  private readonly graph: Graph;
  private readonly tensors: Tensor[];
  private readonly nodes: Node[];
  private readonly base: Graph;
  private readonly order: readonly Node[];
  private readonly samples: number;
  private readonly twins: Shards;
  private readonly options: SequentialOptions;

  constructor(
    graph: Graph,
    base: Graph,
    order: readonly Node[],
    samples: number,
    twins: Shards,
    options: SequentialOptions,
  ) {
    this.graph = graph;
    this.base = base;
    this.tensors = [...base.tensors];
    this.nodes = [...base.nodes];
    this.order = order;
    this.samples = samples;
    this.twins = twins;
    this.options = options;
  }

  async quantize(): Promise<Graph> {
    const { graph, options } = this;
    const layers = layersOf(graph);
    for (const [step, node] of this.order.entries()) {
      options.signal?.throwIfAborted();
      const layer = layers.find((one) => one.node === node);
      if (layer !== undefined) await this.quantizeLayer(step, node, layer.position, layer.place);
      else await this.twins.ask("pass", step);
      options.onProgress?.(step + 1, this.order.length);
      await new Promise((resolve) => setTimeout(resolve)); // a click on "stop", a Ctrl-C
    }
    const { tensors, nodes } = this;
    return { ...this.base, tensors, nodes };
  }

  private async quantizeLayer(step: number, node: Node, position: number, place: LayerPlace): Promise<void> {
    const { graph, options, tensors, nodes } = this;
    const layer = layerOf(node, graph);
    await this.twins.ask("aim", step, options.compensateBranches ?? true);
    const finished = options.finished?.get(place.index);
    const round = this.rounder(layer);
    await options.onTrial?.(place, { round, reals: (weights) => this.realsOf(layer, weights) });
    const { choose = uniformChoice(8) } = options;
    const weights = finished ?? (await round(choose(place)));
    if (finished === undefined) options.onLayer?.(place.index, weights);
    const placed = placeLayer(layer, weights, tensors[node.inputs[0]!]!, tensors);
    nodes[position] = placed;
    await this.twins.ask("settle", step, constantsOf(placed, tensors));
  }

  /** The layer's weights and bias as a rounding leaves them. */
  private realsOf(layer: Layer, weights: LayerWeights): LayerReals {
    const tensors = [...this.tensors];
    const placed = placeLayer(layer, weights, tensors[layer.node.inputs[0]!]!, tensors);
    const constants = constantsOf(placed, tensors);
    return { weights: realsOf(constants.get(1)!), bias: realsOf(constants.get(2)!) };
  }

  /** What rounds the layer for the inputs that it has seen; means and moments are taken when first needed. */
  private rounder(layer: Layer): (choice: LayerChoice) => Promise<LayerWeights> {
    const { biasCorrection = true, columns = layer.groups > 1 ? 12_000 : 120_000 } = this.options;
    const affine = keptAffine(this.base.tensors[layer.node.inputs[0]!]!);
    const unseen = unseenMeans(layer);
    let means: Promise<Means[]> | undefined;
    let taken: Promise<{ used: readonly Moments[]; damping: number; shrinkage: number }> | undefined;
    const look = async () => meansOf(layer, await this.twins.ask("means"), affine.scale);
    const take = async () => {
      const whole = await this.momentsOf(layer, affine, { columns });
      const used = biasCorrection ? whole : whole.map((own, group) => ({ ...own, ...unseen[group]! }));
      return { used, ...(await this.dampingOf(layer, affine, columns)) };
    };
    return async (choice) => {
      if (choice.method === "nearest") {
        if (biasCorrection) means ??= look();
        return nearestLayer(layer, choice, affine.scale, await means);
      }
      taken ??= take();
      const { used, ...damping } = await taken;
      return roundLayer(layer, used, { ...choice, ...damping }, affine.scale);
    };
  }

  /** By group, over the windows of all shards. */
  private async momentsOf(layer: Layer, { scale }: Affine, windows: Windows): Promise<Moments[]> {
    const [peaks, ...others] = await this.twins.ask("peaks", windows);
    const units = unitsOf(peaks!.map((peak, n) => Math.max(peak, ...others.map((own) => own[n]!))));
    const [sums, ...more] = await this.twins.ask("moments", windows, units);
    const count = windowCount(layer, this.samples, windows);
    return sums!.map((own, group) => {
      for (const part of more) addSums(own, part[group]!);
      const { rows } = layer;
      return momentsOf(layer, own, count, scale, units.subarray(group * rows, (group + 1) * rows));
    });
  }

  private async dampingOf(layer: Layer, affine: Affine, columns: number) {
    const { damping } = this.options;
    if (damping !== undefined) return { damping, shrinkage: damping };
    const windows = windowCount(layer, this.samples, { columns });
    const own = dampingFor(layer, windows);
    if (isAmple(layer, windows) || this.samples < 2) return { damping: own, shrinkage: own };
    const [even] = await this.momentsOf(layer, affine, { columns, half: 0 });
    const [odd] = await this.momentsOf(layer, affine, { columns, half: 1 });
    return { damping: own, shrinkage: chooseShrinkage(layer, [even!, odd!]) };
  }
}

function placeFinished(graph: Graph, base: Graph, finished: ReadonlyMap<number, LayerWeights>): Graph {
  const tensors = [...base.tensors];
  const nodes = [...base.nodes];
  for (const { node, position, place } of executionOrder(graph)) {
    const input = tensors[node.inputs[0]!]!;
    nodes[position] = placeLayer(layerOf(node, graph), finished.get(place.index)!, input, tensors);
  }
  return { ...base, tensors, nodes };
}

/** Weights and bias of a quantized layer as floats, by their place among its inputs. */
function constantsOf({ inputs }: Node, tensors: readonly Tensor[]): ReadonlyMap<number, Tensor> {
  const float = (index: number): Tensor => {
    const { name, shape } = tensors[index]!;
    return { name, dtype: "float32", shape, data: realsOf(tensors[index]!) };
  };
  return new Map([1, 2].map((input) => [input, float(inputs[input]!)] as const));
}

/** The layers as they are quantized. */
function executionOrder(graph: Graph) {
  const layers = new Map(layersOf(graph).map((layer) => [layer.node, layer]));
  return shortcutsFirst(graph).flatMap((node) => layers.get(node) ?? []);
}

/**
 * The nodes in an order of execution in which those without weights come as early as they can: what a shortcut brings
 * is then known when the branch beside it is rounded.
 */
function shortcutsFirst(graph: Graph): Node[] {
  const known = new Set(graph.inputs.map(({ tensor }) => tensor));
  const isReady = ({ inputs }: Node) =>
    inputs.every((tensor) => tensor < 0 || graph.tensors[tensor]!.data !== undefined || known.has(tensor));
  const order: Node[] = [];
  const waiting = [...graph.nodes];
  while (waiting.length > 0) {
    const free = waiting.findIndex((node) => opNamed(node.op).weightAxis === undefined && isReady(node));
    const [node] = waiting.splice(Math.max(0, free), 1) as [Node];
    for (const output of node.outputs) known.add(output);
    order.push(node);
  }
  return order;
}
