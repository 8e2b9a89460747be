import type { Graph, Node } from "../graph/graph.ts";
import type { Activation } from "../ops/activation.ts";
import { NO_HALO } from "../ops/index.ts";
import { floatConstant, isInterior, type Wiring, wiringOf } from "./wiring.ts";

/** Mean and standard deviation of every channel of an activation's values in front of its ReLU. */
export interface ChannelStatistics {
  readonly mean: ArrayLike<number>;
  readonly deviation: ArrayLike<number>;
}

/** Deviations below the mean that hardly any value lies under. */
const REACH = 3;

/**
 * Bias absorption (Nagel 2019, DFQ, eqs. 13 to 15): where a layer's outputs lie above c = max(0, mean - 3 deviations)
 * nearly always, ReLU(x) = ReLU(x - c) + c for them, and c moves into the bias of the layer behind, W c. The range of the
 * activation between shrinks by c. Exact wherever x >= c; below, the result is that of x = c. Layers that read padding
 * are left alone: its zeros do not hold c.
 *
 * @param statistics by the index of the activation that a layer writes
 */
export function absorbBiases(graph: Graph, statistics: ReadonlyMap<number, ChannelStatistics>): Graph {
  const wiring = wiringOf(graph);
  const tensors = [...graph.tensors];
  const nodes = [...graph.nodes];
  const moved = (index: number, name: string, change: Float64Array): number => {
    const own = floatConstant(tensors[index]);
    const data = Float32Array.from(change, (value, c) => (own?.[c] ?? 0) + value);
    return tensors.push({ name, dtype: "float32", shape: [change.length], data }) - 1;
  };
  graph.nodes.forEach((writer, place) => {
    const reader = absorbingReader(writer, graph, wiring);
    const seen = statistics.get(writer.outputs[0]!);
    if (reader === undefined || seen === undefined) return;
    const shift = Float64Array.from(seen.mean, (mean, c) => Math.max(0, mean - REACH * seen.deviation[c]!));
    if (shift.every((c) => c === 0)) return;
    const behind = nodes.findIndex(({ outputs }) => outputs[0] === reader.outputs[0]);
    nodes[place] = withBias(nodes[place]!, (bias) =>
      moved(
        bias,
        `${writer.name}/bias`,
        shift.map((c) => -c),
      ),
    );
    const weights = floatConstant(tensors[reader.inputs[1]!])!;
    const change = responses(weights, shift);
    nodes[behind] = withBias(nodes[behind]!, (bias) => moved(bias, `${reader.name}/bias`, change));
  });
  return { ...graph, tensors, nodes };
}

function withBias(node: Node, change: (bias: number) => number): Node {
  return { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, change(node.inputs[2] ?? -1)] };
}

/** What a constant input of the given channels adds to every output, taps summed: weights [output][..., channels]. */
function responses(weights: Float32Array, shift: Float64Array): Float64Array {
  const channels = shift.length;
  const result = new Float64Array(weights.length / channels);
  weights.forEach((weight, i) => {
    result[Math.floor(i / channels)]! += weight * shift[i % channels]!;
  });
  return result;
}

/** The one reader of a ReLU layer, where that can absorb: a dense layer, or a convolution of single pixels. */
function absorbingReader(writer: Node, graph: Graph, wiring: Wiring): Node | undefined {
  const output = writer.outputs[0]!;
  const { activation } = writer.attributes as { activation?: Activation };
  if (!["conv", "depthwise", "dense"].includes(writer.op) || activation !== "relu") return undefined;
  if (!isInterior(wiring, output) || !hasFloatBias(writer, graph)) return undefined;
  const reader = wiring.readers.get(output)![0]!;
  return reads(reader, graph) && hasFloatBias(reader, graph) ? reader : undefined;
}

function reads({ op, inputs, attributes }: Node, graph: Graph): boolean {
  if (floatConstant(graph.tensors[inputs[1] ?? -1]) === null) return false;
  if (op === "dense") return true;
  const { groups = 1, padding = NO_HALO } = attributes as { groups?: number; padding?: readonly number[] };
  const [, height, width] = graph.tensors[inputs[1]!]!.shape;
  return op === "conv" && groups === 1 && height === 1 && width === 1 && padding.every((side) => side === 0);
}

function hasFloatBias({ inputs }: Node, graph: Graph): boolean {
  const bias = graph.tensors[inputs[2] ?? -1];
  return bias === undefined || floatConstant(bias) !== null;
}
