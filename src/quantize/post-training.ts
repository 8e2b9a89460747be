import { DyadicError } from "../error.ts";
import type { Border, DataType, Graph, Node, Tensor } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import { quantizeValue } from "../numerics/affine.ts";
import type { ActivationBits } from "../numerics/pack.ts";
import { type Affine, type AffineForm, type Ranges, rangeAffine } from "../numerics/range.ts";
import { opNamed } from "../ops/index.ts";
import { type LayerPlace, layerOf, layersOf } from "./layer.ts";
import { type LayerChoice, nearestLayer, placeLayer } from "./layer-weights.ts";

export interface ActivationOptions {
  /** Widths of activations by tensor index; 8 where nothing is said. Tied activations have one. */
  readonly activationBits?: ReadonlyMap<number, ActivationBits>;
  /** How activations use their codes. Default "affine". */
  readonly activations?: AffineForm;
  /** What the host hands over and receives; floats are accepted in any case. Default int8. */
  readonly input?: "int8" | "uint8";
  readonly output?: "int8" | "uint8";
  /** Codes of real 0 by channel of the one model input, whose codes are then whole bytes. */
  readonly inputZeroPoints?: readonly number[] | undefined;
}

export interface PostTrainingOptions extends ActivationOptions {
  /** Default: 8 bits. Whatever the method, weights are rounded to nearest. */
  readonly choose?: (layer: LayerPlace) => LayerChoice;
}

/**
 * A float graph in codes, without samples: activations by their ranges, weights symmetric and rounded to nearest, biases
 * int32 at input scale times weight scale.
 * Throws BAD_ARGUMENT where an activation has no range, UNSUPPORTED_OP for weights that are computed.
 */
export function quantizePostTraining(graph: Graph, ranges: Ranges, options: PostTrainingOptions = {}): Graph {
  const { choose = () => ({ width: 8, method: "nearest" }) } = options;
  const base = quantizeActivations(graph, ranges, options);
  const tensors = [...base.tensors];
  const nodes = [...base.nodes];
  for (const { node, position, place } of layersOf(graph)) {
    const layer = layerOf(node, graph);
    const input = tensors[node.inputs[0]!]!;
    const weights = nearestLayer(layer, choose(place), input.quantization!.scale[0]!);
    nodes[position] = placeLayer(layer, weights, input, tensors);
  }
  return { ...base, tensors, nodes };
}

/**
 * A float graph whose activations are codes, affine per tensor by their ranges; layers keep their float weights.
 * Activations that one op moves as codes share a scale over the union of their ranges.
 * Throws BAD_ARGUMENT where an activation has no range.
 */
export function quantizeActivations(graph: Graph, ranges: Ranges, options: ActivationOptions = {}): Graph {
  const affines = activationAffines(graph, ranges, options);
  const tensors = graph.tensors.map((tensor, index): Tensor => {
    const affine = affines.get(index);
    if (affine === undefined) return tensor;
    const { scale, zeroPoint, bits } = affine;
    const narrow = bits < 8 && { bits };
    const quantization = { scale: [scale], zeroPoint: [zeroPoint], axis: null, ...narrow };
    return { name: tensor.name, dtype: bits === 16 ? "int16" : "int8", shape: tensor.shape, quantization };
  });
  const { inputZeroPoints } = options;
  if (inputZeroPoints !== undefined) {
    const { tensor } = graph.inputs[0]!;
    const input = tensors[tensor]!;
    const { scale } = input.quantization!;
    const quantization = { scale, zeroPoint: inputZeroPoints, axis: input.shape.length - 1 };
    tensors[tensor] = { ...input, quantization };
  }
  const nodes = graph.nodes.map((node) => {
    const hasWeights = opNamed(node.op).weightAxis !== undefined;
    return hasWeights ? node : quantizeOperands(node, tensors, graph);
  });
  const border = (dtype: DataType) => (declared: Border) => ({ ...declared, dtype });
  return {
    ...graph,
    tensors,
    nodes,
    inputs: graph.inputs.map(border(options.input ?? "int8")),
    outputs: graph.outputs.map(border(options.output ?? "int8")),
  };
}

/** A node whose constant operands, as of a product with a constant, become codes of their own range. */
function quantizeOperands(node: Node, tensors: Tensor[], graph: Graph): Node {
  const { activations } = opNamed(node.op);
  const inputs = node.inputs.map((input, i) => {
    const tensor = graph.tensors[input];
    if (i >= activations || tensor?.data === undefined) return input;
    const reals = realsOf(tensor);
    const [min, max] = [reals.reduce((a, b) => Math.min(a, b)), reals.reduce((a, b) => Math.max(a, b))];
    const { scale, zeroPoint } = rangeAffine({ min, max });
    const quantization = { scale: [scale], zeroPoint: [zeroPoint], axis: null };
    const data = Int8Array.from(reals, (real) => quantizeValue(real, scale, zeroPoint, -128, 127));
    const { name, shape } = tensor;
    return tensors.push({ name, dtype: "int8", shape, quantization, data }) - 1;
  });
  return { ...node, inputs };
}

interface Codes extends Affine {
  readonly bits: ActivationBits;
}

/** Scale, zero point and width of every activation, by tensor index. */
function activationAffines(
  graph: Graph,
  ranges: Ranges,
  { activationBits, activations }: ActivationOptions,
): ReadonlyMap<number, Codes> {
  const groups = tiedActivations(graph);
  const fixed = new Map<Set<number>, Affine>();
  for (const node of graph.nodes) {
    const affine = opNamed(node.op).outputAffine;
    if (affine !== undefined) fixed.set(groups.get(node.outputs[0]!)!, affine);
  }
  const affines = new Map<number, Codes>();
  for (const group of new Set(groups.values())) {
    const members = [...group].map((tensor) => rangeOf(tensor, graph, ranges));
    const range = {
      min: members.reduce((low, { min }) => Math.min(low, min), 0),
      max: members.reduce((high, { max }) => Math.max(high, max), 0),
    };
    const [first] = group;
    const bits = fixed.has(group) ? 8 : (activationBits?.get(first!) ?? 8);
    const affine = fixed.get(group) ?? rangeAffine(range, bits, activations);
    for (const tensor of group) affines.set(tensor, { ...affine, bits });
  }
  return affines;
}

function rangeOf(tensor: number, graph: Graph, ranges: Ranges) {
  const range = ranges.get(tensor);
  if (range !== undefined && range.min <= range.max) return range;
  throw new DyadicError("BAD_ARGUMENT", `there is no range for "${graph.tensors[tensor]!.name}"`, {
    hint: "calibrate this very graph: ranges are by tensor index",
  });
}

/** The activations that must share a scale, by tensor index; most are alone. */
export function tiedActivations(graph: Graph): ReadonlyMap<number, Set<number>> {
  const groups = new Map<number, Set<number>>();
  const groupOf = (tensor: number) => {
    const group = groups.get(tensor) ?? new Set([tensor]);
    groups.set(tensor, group);
    return group;
  };
  for (const { tensor } of graph.inputs) groupOf(tensor);
  for (const node of graph.nodes) {
    const op = opNamed(node.op);
    const own = groupOf(node.outputs[0]!);
    if (!op.keepsScale) continue;
    for (const input of node.inputs.slice(0, op.activations)) {
      if (graph.tensors[input]?.data !== undefined) continue;
      for (const tensor of groupOf(input)) {
        own.add(tensor);
        groups.set(tensor, own);
      }
    }
  }
  return groups;
}
