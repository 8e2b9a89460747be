// What a network costs as a function of its widths, exactly and before anything is quantized: only shapes matter.
import { WEIGHTS_ALIGNMENT } from "../../../assembly/abi.ts";
import type { Graph } from "../../graph/graph.ts";
import { type IntegerGraph, type IntegerNode, shapesOf } from "../../graph/integer.ts";
import type { ActivationBits, WeightBits } from "../../numerics/pack.ts";
import { type ConvolutionParameters, roundUp } from "../../ops/convolution.ts";
import { opNamed } from "../../ops/index.ts";
import { type Planned, planWithin } from "../../plan/index.ts";
import { layerOf, layersOf } from "../../quantize/layer.ts";
import { type LayerWeights, placeLayer } from "../../quantize/layer-weights.ts";
import { lower } from "../../quantize/lower.ts";
import { type ActivationOptions, quantizeActivations } from "../../quantize/post-training.ts";
import type { WeightWidth } from "../../quantize/rounding/index.ts";

/** Widths of a network: by layer with weights, and by activation of the float graph (8 where absent). */
export interface Widths {
  readonly weights: readonly WeightWidth[];
  readonly activations: ReadonlyMap<number, ActivationBits>;
}

/** Plans that are kept, because several ask for the same one. */
const MOST_PLANS = 64;

/** Bits that codes of a width are stored in: ternary ones are those of 2. */
export function storedBits(width: WeightWidth): WeightBits {
  return width === "ternary" ? 2 : width;
}

/** A graph whose layers have codes, all 0. */
function withZeros(graph: Graph, base: Graph): Graph {
  const [tensors, nodes] = [[...base.tensors], [...base.nodes]];
  for (const { node, position } of layersOf(graph)) {
    const layer = layerOf(node, graph);
    const channels = layer.groups * layer.rows;
    const zeros: LayerWeights = {
      width: 8,
      codes: new Int8Array(layer.weights.length),
      scales: Array<number>(channels).fill(1 / 256),
      bias: new Int32Array(channels),
    };
    nodes[position] = placeLayer(layer, zeros, tensors[node.inputs[0]!]!, tensors);
  }
  return { ...base, tensors, nodes };
}

/** Sizes and work of a float network for any widths. */
export class NetworkCost {
  /** The network at 8 bits, with made-up scales: it has the shapes of every other. */
  readonly draft: IntegerGraph;
  /** Nodes of the draft with weights, in the order of the graph's. */
  readonly layers: readonly number[];
  /** Tensor of the draft by activation of the float graph. */
  private readonly drafted: ReadonlyMap<number, number>;
  private readonly plans = new Map<string, Planned>();

  /**
   * @param options what the host hands over decides bytes of the file too
   * Throws what lowering the graph throws.
   */
  constructor(graph: Graph, options: ActivationOptions = {}) {
    const ranges = new Map(graph.tensors.map((_, tensor) => [tensor, { min: -1, max: 1 }]));
    this.draft = lower(withZeros(graph, quantizeActivations(graph, ranges, options)));
    const hasWeights = ({ op }: IntegerNode) => opNamed(op).weightAxis !== undefined;
    this.layers = this.draft.nodes.flatMap((node, k) => (hasWeights(node) ? [k] : []));
    const own = this.draft.nodes.filter(({ op }) => op !== "constant");
    this.drafted = new Map([
      ...graph.inputs.map(({ tensor }, i) => [tensor, this.draft.inputs[i]!.tensor] as const),
      ...graph.nodes.map(({ outputs }, i) => [outputs[0]!, own[i]!.output] as const),
    ]);
  }

  tensorOf(activation: number): number {
    return this.drafted.get(activation)!;
  }

  /** Bytes in the weights section of a layer's codes, biases and multipliers, alignment included. */
  weightBytes(layer: number, width: WeightWidth): number {
    const { op, parameters, shapes } = this.layer(layer, width);
    return opNamed(op).cost(parameters, shapes).weightBytes;
  }

  macs(layer: number): number {
    const { op, parameters, shapes } = this.layer(layer, 8);
    return opNamed(op).cost(parameters, shapes).macs;
  }

  /** Multiply-adds times bits of weights times bits of the input (HAWQ-V3's BOPS). */
  bitOperations(layer: number, width: WeightWidth, input: ActivationBits): number {
    return this.macs(layer) * storedBits(width) * input;
  }

  totalWeightBytes({ weights }: Widths): number {
    return weights.reduce<number>((sum, width, layer) => sum + this.weightBytes(layer, width), 0);
  }

  /** The network with these widths, as far as its sizes go: scales and codes are still the draft's. */
  at({ weights, activations }: Widths): IntegerGraph {
    const tensors = [...this.draft.tensors];
    for (const [activation, bits] of activations) {
      const tensor = this.tensorOf(activation);
      const { bits: _, ...whole } = tensors[tensor]!;
      tensors[tensor] = bits === 8 ? whole : { ...whole, bits };
    }
    const nodes = [...this.draft.nodes];
    weights.forEach((width, layer) => {
      const k = this.layers[layer]!;
      nodes[k] = { ...nodes[k]!, parameters: this.parameters(k, width) };
    });
    return { ...this.draft, tensors, nodes };
  }

  /** The plan of the network with these widths, by the planner that will place it: the fastest in so large an arena. */
  planned(widths: Widths, arenaBytes = Infinity): Planned {
    const key = JSON.stringify([arenaBytes, widths.weights, [...widths.activations]]);
    const known = this.plans.get(key);
    if (known !== undefined) return known;
    const found = planWithin(this.at(widths), arenaBytes);
    if (this.plans.size >= MOST_PLANS) this.plans.clear();
    this.plans.set(key, found);
    return found;
  }

  private parameters(k: number, width: WeightWidth): ConvolutionParameters {
    return { ...(this.draft.nodes[k]!.parameters as ConvolutionParameters), weightBits: storedBits(width) };
  }

  private layer(layer: number, width: WeightWidth) {
    const k = this.layers[layer]!;
    const { op } = this.draft.nodes[k]!;
    return { op, parameters: this.parameters(k, width), shapes: shapesOf(this.draft, this.draft.nodes[k]!) };
  }
}

/** Bytes of the weights section of a model file, up to the alignment of its end. */
export function sectionBytes(graph: IntegerGraph): number {
  let bytes = 0;
  const constant = (array: ArrayBufferView) => {
    bytes += roundUp(array.byteLength, WEIGHTS_ALIGNMENT);
    return 0;
  };
  for (const { zeroPoints } of graph.tensors) if (zeroPoints !== undefined) constant(zeroPoints);
  for (const node of graph.nodes) {
    const { op, parameters, inputs, output } = node;
    const { weightAxis, cost, encode } = opNamed(op);
    if (weightAxis === undefined) encode(parameters, { set: () => {}, constant, inputs, output });
    else bytes += cost(parameters, shapesOf(graph, node)).weightBytes;
  }
  return bytes;
}
