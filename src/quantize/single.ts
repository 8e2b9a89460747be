import { FloatNetwork } from "../float/network.ts";
import type { Graph, Node, Tensor } from "../graph/graph.ts";
import type { Activation } from "../ops/activation.ts";

/** What a node gets otherwise than its graph says, by position of the input. */
interface Differently {
  /** Float constants in place of inputs. */
  readonly constants?: ReadonlyMap<number, Tensor> | undefined;
  /** Of the inputs that are activations, in their order: what is to be applied to them first. */
  readonly pending?: readonly Activation[];
}

/** One node of a float graph as a network of its own. */
export function singleNode(
  graph: Graph,
  node: Node,
  module: WebAssembly.Module,
  { constants, pending = [] }: Differently = {},
): Promise<FloatNetwork> {
  const tensors: Tensor[] = [];
  const inputs: number[] = [];
  const nodes: Node[] = [];
  const add = (tensor: Tensor) => tensors.push(tensor) - 1;
  const sources = node.inputs.map((input, position) => {
    const replaced = constants?.get(position);
    if (replaced !== undefined) return add(replaced);
    const tensor = graph.tensors[input];
    if (tensor === undefined) return -1;
    const index = add(tensor);
    if (tensor.data !== undefined) return index;
    const activation = pending[inputs.length] ?? "none";
    inputs.push(index);
    if (activation === "none") return index;
    const active = add(tensor);
    const attributes = { activation };
    nodes.push({ name: tensor.name, op: "requantize", inputs: [index], outputs: [active], attributes });
    return active;
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
    nodes: [...nodes, { ...node, inputs: sources, outputs: [output] }],
    inputs: inputs.map(border),
    outputs: [border(output)],
  };
  return FloatNetwork.create(single, module);
}
