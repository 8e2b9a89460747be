import { DyadicError } from "../error.ts";
import type { Border, DataType, Graph, Node, Tensor } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import { quantizeValue } from "../numerics/affine.ts";
import { type Affine, type AffineForm, type Ranges, rangeAffine } from "../numerics/range.ts";
import { opNamed } from "../ops/index.ts";
import { quantizeWeights, type WeightScale } from "./weights.ts";

/** Codes of a bias are kept below this, which leaves as much of an int32 accumulator to the products. */
const LARGEST_BIAS = 2 ** 30;

export interface PostTrainingOptions {
  /** Default "mse". */
  readonly weightScale?: WeightScale;
  /** How activations use their codes. Default "affine". */
  readonly activations?: AffineForm;
  /** What the host hands over and receives; floats are accepted in any case. Default int8. */
  readonly input?: "int8" | "uint8";
  readonly output?: "int8" | "uint8";
}

/**
 * A float graph in 8 bits, rounded to nearest: activations affine per tensor by their ranges, weights symmetric per
 * output channel, biases int32 at input scale times weight scale. Activations that one op moves as codes share a
 * scale over the union of their ranges.
 * Throws BAD_ARGUMENT where an activation has no range, UNSUPPORTED_OP for weights that are computed.
 */
export function quantizePostTraining(graph: Graph, ranges: Ranges, options: PostTrainingOptions = {}): Graph {
  const affines = activationAffines(graph, ranges, options.activations);
  const tensors = graph.tensors.map((tensor, index): Tensor => {
    const affine = affines.get(index);
    if (affine === undefined) return tensor;
    const quantization = { scale: [affine.scale], zeroPoint: [affine.zeroPoint], axis: null };
    return { name: tensor.name, dtype: "int8", shape: tensor.shape, quantization };
  });
  const nodes = graph.nodes.map((node) => {
    const axis = opNamed(node.op).weightAxis;
    if (axis === undefined) return quantizeOperands(node, tensors, graph);
    return quantizeNode(node, axis, tensors, graph, affines, options);
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

/** A node with weights, and its integer constants appended to the tensors: floats may be shared, codes are not. */
function quantizeNode(
  node: Node,
  axis: number,
  tensors: Tensor[],
  graph: Graph,
  affines: ReadonlyMap<number, Affine>,
  { weightScale = "mse" }: PostTrainingOptions,
): Node {
  const [input, weightIndex, biasIndex = -1] = node.inputs as [number, number, number?];
  const weights = graph.tensors[weightIndex];
  const bias = graph.tensors[biasIndex];
  if (weights?.data === undefined || (bias !== undefined && bias.data === undefined)) {
    throw new DyadicError("UNSUPPORTED_OP", "the weights are computed at run time, not constant", {
      node: node.name,
      op: node.op,
    });
  }
  const from = affines.get(input)!.scale;
  const biases = bias && realsOf(bias);
  const quantized = quantizeWeights(
    weights,
    realsOf(weights),
    axis,
    weightScale,
    (channel) => Math.abs(biases?.[channel] ?? 0) / (from * LARGEST_BIAS),
  );
  const inputs = [input, tensors.push(quantized) - 1];
  if (bias !== undefined && biases !== undefined) {
    const scale = quantized.quantization!.scale.map((own) => own * from);
    const data = Int32Array.from(biases, (real, channel) => Math.floor(real / scale[channel]! + 0.5));
    const quantization = { scale, zeroPoint: scale.map(() => 0), axis: 0 };
    inputs.push(tensors.push({ name: bias.name, dtype: "int32", shape: bias.shape, quantization, data }) - 1);
  }
  return { ...node, inputs };
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

/** Scale and zero point of every activation, by tensor index. */
function activationAffines(graph: Graph, ranges: Ranges, form?: AffineForm): ReadonlyMap<number, Affine> {
  const groups = tiedGroups(graph);
  const fixed = new Map<Set<number>, Affine>();
  for (const node of graph.nodes) {
    const affine = opNamed(node.op).outputAffine;
    if (affine !== undefined) fixed.set(groups.get(node.outputs[0]!)!, affine);
  }
  const affines = new Map<number, Affine>();
  for (const group of new Set(groups.values())) {
    const members = [...group].map((tensor) => rangeOf(tensor, graph, ranges));
    const range = {
      min: members.reduce((low, { min }) => Math.min(low, min), 0),
      max: members.reduce((high, { max }) => Math.max(high, max), 0),
    };
    const affine = fixed.get(group) ?? rangeAffine(range, 8, form);
    for (const tensor of group) affines.set(tensor, affine);
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
function tiedGroups(graph: Graph): ReadonlyMap<number, Set<number>> {
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
