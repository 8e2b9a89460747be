import { FloatNetwork } from "../float/network.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";

/**
 * One node of a float graph as a network of its own, with other constants or attributes where given.
 *
 * @param constants float constants in place of the node's inputs, by position
 */
export function singleNode(
  graph: Graph,
  node: Node,
  module: WebAssembly.Module,
  constants: ReadonlyMap<number, Tensor> = new Map(),
): Promise<FloatNetwork> {
  const tensors: Tensor[] = [];
  const inputs: { tensor: number; tensorOfGraph: number }[] = [];
  const add = (tensor: Tensor) => tensors.push(tensor) - 1;
  const sources = node.inputs.map((input, position) => {
    const replaced = constants.get(position);
    if (replaced !== undefined) return add(replaced);
    const tensor = graph.tensors[input];
    if (tensor === undefined) return -1;
    const index = add(tensor);
    if (tensor.data === undefined) inputs.push({ tensor: index, tensorOfGraph: input });
    return index;
  });
  const output = add(graph.tensors[node.outputs[0]!]!);
  const border = (tensor: number) => ({
    name: tensors[tensor]!.name,
    tensor,
    dtype: "float32" as const,
    shape: tensors[tensor]!.shape,
    layout: "flat" as const,
  });
  const single: Graph = {
    name: node.name,
    tensors,
    nodes: [{ ...node, inputs: sources, outputs: [output] }],
    inputs: inputs.map(({ tensor }) => border(tensor)),
    outputs: [border(output)],
  };
  return FloatNetwork.create(single, module);
}
