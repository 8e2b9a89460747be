import type { Graph, Node } from "../graph/graph.ts";
import type { Activation } from "../ops/activation.ts";
import { floatConstant } from "./wiring.ts";

/** Ops that treat every channel alike and by itself: a positive factor of a channel passes through them. */
const PASSING = ["add", "requantize", "averagePool", "maxPool", "mean", "reshape"];
const WEIGHTED = ["conv", "depthwise", "dense"];
/** Rounds over all groups; after one, groups that share a layer have disturbed each other. */
const ROUNDS = 4;

/** Activations whose channels must be scaled together, and the layers that write and read them. */
interface Group {
  readonly tensors: ReadonlySet<number>;
  readonly writers: readonly Node[];
  readonly readers: readonly Node[];
  readonly channels: number;
}

/**
 * Cross-layer equalisation (Nagel 2019, DFQ, eq. 11 and section 4.1.1): every channel between two layers takes the
 * factor with which the largest weights on both of its sides are equal, s = sqrt(r1 / r2); the layer in front is divided
 * by it, the one behind multiplied. Sums tie their branches, so that a residual stream is scaled as one. Only through
 * ReLU and where there is no activation, which leaves the function as it is: a clip at 6 would have to become one per
 * channel. For float graphs, after the other passes.
 */
export function equalise(graph: Graph): Graph {
  const groups = scalableGroups(graph);
  let result = graph;
  for (let round = 0; round < ROUNDS; round++) {
    for (const group of groups) {
      const write = largest(group.writers, group.channels, result, outputAxis);
      const read = largest(group.readers, group.channels, result, inputAxis);
      result = scaleGroup(
        result,
        group,
        write.map((own, c) => factor(own, read[c]!)),
      );
    }
  }
  return result;
}

/** By how much the channel is divided in front; 1 for one that is dead on either side. */
function factor(write: number, read: number): number {
  return write > 0 && read > 0 ? Math.sqrt(write / read) : 1;
}

/** Divides what writes the channels of a group by `factors`, and multiplies what reads them. */
function scaleGroup(graph: Graph, { writers, readers }: Group, factors: Float64Array): Graph {
  const tensors = [...graph.tensors];
  const scaled = (index: number, by: (element: number) => number): number => {
    const tensor = tensors[index]!;
    const data = floatConstant(tensor)!.map((value, i) => value * by(i));
    return tensors.push({ ...tensor, data }) - 1;
  };
  const nodes = graph.nodes.map((node): Node => {
    const inputs = [...node.inputs];
    const isOf = (layers: readonly Node[]) => layers.some(({ outputs }) => outputs[0] === node.outputs[0]);
    if (isOf(writers)) {
      const channel = outputAxis(node, graph);
      inputs[1] = scaled(inputs[1]!, (i) => 1 / factors[channel(i)]!);
      if ((inputs[2] ?? -1) >= 0) inputs[2] = scaled(inputs[2]!, (i) => 1 / factors[i]!);
    }
    if (isOf(readers)) {
      const channel = inputAxis(node, graph);
      inputs[1] = scaled(inputs[1]!, (i) => factors[channel(i)]!);
    }
    return { ...node, inputs };
  });
  return { ...graph, tensors, nodes };
}

type Axis = (node: Node, graph: Graph) => (element: number) => number;

/** Which output channel an element of the weights belongs to. */
const outputAxis: Axis = (node, graph) => {
  const { shape } = graph.tensors[node.inputs[1]!]!;
  const inner = shape.slice(1).reduce((a, b) => a * b, 1);
  return node.op === "depthwise" ? (i) => i % shape[3]! : (i) => Math.floor(i / inner);
};

/** Which input channel it multiplies. */
const inputAxis: Axis = (node, graph) => {
  const channels = graph.tensors[node.inputs[1]!]!.shape.at(-1)!;
  return (i) => i % channels;
};

function largest(layers: readonly Node[], channels: number, graph: Graph, axisOf: Axis): Float64Array {
  const result = new Float64Array(channels);
  for (const { outputs } of layers) {
    const node = graph.nodes.find((own) => own.outputs[0] === outputs[0])!;
    const channel = axisOf(node, graph);
    floatConstant(graph.tensors[node.inputs[1]!])!.forEach((weight, i) => {
      result[channel(i)] = Math.max(result[channel(i)]!, Math.abs(weight));
    });
  }
  return result;
}

/** The groups of a graph that can be scaled without changing what it computes. */
function scalableGroups(graph: Graph): Group[] {
  const fixed = new Set([...graph.inputs, ...graph.outputs].map(({ tensor }) => tensor));
  return tiedTensors(graph).flatMap((tensors) => {
    const writers = graph.nodes.filter(({ outputs }) => tensors.has(outputs[0]!));
    const readers = graph.nodes.filter((node) => node.inputs.some((input) => tensors.has(input)));
    const [weightedWriters, weightedReaders] = [
      writers.filter(isLayer),
      readers.filter((n) => !passes(n, graph)),
    ];
    const sizes = new Set([...tensors].map((tensor) => graph.tensors[tensor]!.shape.at(-1)!));
    const isScalable =
      [...tensors].every((tensor) => !fixed.has(tensor)) &&
      sizes.size === 1 &&
      weightedReaders.length > 0 &&
      writers.every((node) => isHomogeneous(node) && (passes(node, graph) || isOwnLayer(node, graph))) &&
      weightedReaders.every((node) => isOwnLayer(node, graph) && tensors.has(node.inputs[0]!));
    if (!isScalable) return [];
    return [{ tensors, writers: weightedWriters, readers: weightedReaders, channels: [...sizes][0]! }];
  });
}

/** Sets of activations that the ops between them scale together. */
function tiedTensors(graph: Graph): Set<number>[] {
  const sets = new Map<number, Set<number>>();
  for (const node of graph.nodes) {
    const own = sets.get(node.outputs[0]!) ?? new Set([node.outputs[0]!]);
    sets.set(node.outputs[0]!, own);
    if (!passes(node, graph)) continue;
    for (const input of node.inputs) {
      for (const tensor of sets.get(input) ?? [input]) {
        own.add(tensor);
        sets.set(tensor, own);
      }
    }
  }
  return [...new Set(sets.values())];
}

/** Whether a node hands factors of its channels on: all of its inputs are activations with the channels of its output. */
function passes({ op, inputs, outputs }: Node, graph: Graph): boolean {
  const channels = graph.tensors[outputs[0]!]!.shape.at(-1);
  const alike = (input: number) => {
    const tensor = graph.tensors[input];
    return tensor !== undefined && tensor.data === undefined && tensor.shape.at(-1) === channels;
  };
  return PASSING.includes(op) && inputs.every(alike);
}

function isLayer({ op }: Node): boolean {
  return WEIGHTED.includes(op);
}

/** A layer with float weights of its own, one run of channels. */
function isOwnLayer(node: Node, graph: Graph): boolean {
  const { groups = 1 } = node.attributes as { groups?: number };
  return isLayer(node) && groups === 1 && floatConstant(graph.tensors[node.inputs[1]!]) !== null;
}

/** f(s x) = s f(x) for s > 0. */
function isHomogeneous({ attributes }: Node): boolean {
  const { activation = "none" } = attributes as { activation?: Activation };
  return activation === "none" || activation === "relu";
}
