import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { realsOf } from "../graph/reals.ts";
import { opNamed } from "../ops/index.ts";

/**
 * The float network that a quantized graph stands for: the same ops on reals, every constant by equation (1). Biases
 * without a scale are codes at input scale times weight scale.
 */
export function dequantizeGraph(graph: Graph): Graph {
  const biases = new Map(graph.nodes.flatMap((node) => biasOf(node, graph)));
  const tensors = graph.tensors.map((tensor, index): Tensor => {
    const { name, shape } = tensor;
    const bare = { name, shape, dtype: "float32" as const };
    if (tensor.data === undefined) return bare;
    return { ...bare, data: realsOf(biases.get(index) ?? tensor) };
  });
  const border = <T extends { dtype: unknown }>(declared: T) => ({ ...declared, dtype: "float32" as const });
  return { ...graph, tensors, inputs: graph.inputs.map(border), outputs: graph.outputs.map(border) };
}

/** The bias of a node with weights, as a tensor that carries its scale. */
function biasOf(node: Node, graph: Graph): [number, Tensor][] {
  const [input, weights, bias = -1] = node.inputs;
  const tensor = graph.tensors[bias];
  if (tensor?.data === undefined || tensor.quantization || opNamed(node.op).activations !== 1) return [];
  const from = graph.tensors[input!]?.quantization?.scale[0];
  const scales = graph.tensors[weights!]?.quantization?.scale;
  if (from === undefined || scales === undefined) return [];
  const scale = Array.from(tensor.data, (_, c) => from * scales[scales.length === 1 ? 0 : c]!);
  const quantization = { scale, zeroPoint: scale.map(() => 0), axis: 0 };
  return [[bias, { ...tensor, quantization }]];
}
