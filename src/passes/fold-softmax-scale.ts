import type { Graph } from "../graph/graph.ts";
import { floatConstant, Rewriting, withConstant } from "./wiring.ts";

/** A product with one positive number that a softmax alone reads becomes the softmax's beta. */
export function foldSoftmaxScale(graph: Graph): Graph {
  const rewriting = new Rewriting(graph);
  for (const softmax of graph.nodes) {
    if (softmax.op !== "softmax") continue;
    const source = softmax.inputs[0]!;
    const product = rewriting.writer(source);
    if (product?.op !== "mul" || !rewriting.isInterior(source)) continue;
    const operands = withConstant(graph, product);
    const [scale = 0] = floatConstant(operands?.constant) ?? [];
    const { activation = "none" } = product.attributes as { activation?: string };
    if (operands?.constant.data.length !== 1 || !(scale > 0 && scale < Infinity) || activation !== "none")
      continue;
    const { beta } = softmax.attributes as { beta: number };
    rewriting.merge(product, softmax, {
      ...softmax,
      inputs: [operands.x],
      attributes: { beta: beta * scale },
    });
  }
  return rewriting.finish();
}
