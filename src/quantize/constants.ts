import type { Graph, Node, Tensor } from "../graph/graph.ts";
import { affineOf } from "../ops/affine.ts";
import type { ConstantAttributes } from "../ops/constant.ts";
import { opNamed } from "../ops/index.ts";

/** Gives every constant that an op takes as an activation a node that writes it, once, in front of its first reader. */
export function placeConstants(graph: Graph): Graph {
  const tensors: Tensor[] = [...graph.tensors];
  const placed = new Map<string, number>();
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const { activations } = opNamed(node.op);
    const rank = graph.tensors[node.outputs[0]!]?.shape.length ?? 0;
    const added: Node[] = [];
    const inputs = node.inputs.map((input, i) => {
      const tensor = graph.tensors[input];
      if (i >= activations || !(tensor?.data instanceof Int8Array) || !hasOneScale(tensor)) return input;
      const key = `${input} ${rank}`;
      const known = placed.get(key);
      if (known !== undefined) return known;
      const { data, ...activation } = tensor;
      const shape = [...Array(Math.max(0, rank - tensor.shape.length)).fill(1), ...tensor.shape];
      const output = tensors.push({ ...activation, shape }) - 1;
      const attributes: ConstantAttributes = { shape, codes: data, ...affineOf(tensor, "the constant") };
      added.push({ name: tensor.name, op: "constant", inputs: [], outputs: [output], attributes });
      placed.set(key, output);
      return output;
    });
    return [...added, { ...node, inputs }];
  });
  return { ...graph, tensors, nodes };
}

function hasOneScale(tensor: Tensor): boolean {
  return tensor.quantization?.scale.length === 1;
}
