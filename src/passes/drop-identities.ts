import { type Graph, type Node, sameQuantization, type Tensor } from "../graph/graph.ts";
import type { Activation } from "../ops/activation.ts";

/**
 * Lets the readers of a node that changes nothing read its input: a reshape to the same shape, a requantize to the same
 * scale and zero point without an activation. A reshape of a reshape reads the first one's input. Model outputs keep
 * their writer; what nobody reads any more is left to removeDead.
 */
export function dropIdentities(graph: Graph): Graph {
  const isOutput = new Set(graph.outputs.map((border) => border.tensor));
  const same = new Map<number, number>();
  const reshapedFrom = new Map<number, number>();
  const nodes = graph.nodes.map((node): Node => {
    const inputs = node.inputs.map((input) => same.get(input) ?? input);
    const [output] = node.outputs as [number];
    if (node.op === "reshape") {
      inputs[0] = reshapedFrom.get(inputs[0]!) ?? inputs[0]!;
      if (sameQuantization(graph.tensors[inputs[0]!]!, graph.tensors[output]!))
        reshapedFrom.set(output, inputs[0]!);
    }
    if (changesNothing(node, graph.tensors[inputs[0]!], graph.tensors[output]!) && !isOutput.has(output)) {
      same.set(output, inputs[0]!);
    }
    return { ...node, inputs };
  });
  return { ...graph, nodes };
}

function changesNothing(node: Node, input: Tensor | undefined, output: Tensor): boolean {
  if (input === undefined || !sameQuantization(input, output)) return false;
  if (input.shape.join() !== output.shape.join()) return false;
  if (node.op === "reshape") return true;
  return node.op === "requantize" && (node.attributes as { activation: Activation }).activation === "none";
}
