import type { Graph, Node } from "../graph/graph.ts";
import type { Activation } from "../ops/activation.ts";
import { Rewriting } from "./wiring.ts";

type Activated = { readonly activation: Activation };

/** Ops that clamp their result on the way out. */
const FUSING = ["conv", "depthwise", "dense", "add", "sub", "mul", "averagePool", "maxPool"];

/**
 * Moves a relu, relu6 or clip to [-1, 1] of a float graph into the op in front, where nobody else reads that op's
 * result. Elsewhere it stays on its own.
 */
export function fuseActivations(graph: Graph): Graph {
  const rewriting = new Rewriting(graph);
  for (const clamp of graph.nodes) {
    if (clamp.op !== "requantize") continue;
    const source = rewriting.writer(clamp.inputs[0]!);
    if (source === undefined || !fusible(rewriting, source, clamp)) continue;
    const { activation } = clamp.attributes as Activated;
    const attributes = { ...(source.attributes as Activated), activation };
    rewriting.merge(source, clamp, { ...source, outputs: clamp.outputs, attributes });
  }
  return rewriting.finish();
}

function fusible(rewriting: Rewriting, source: Node, clamp: Node): boolean {
  const [from, to] = [rewriting.tensors[clamp.inputs[0]!]!, rewriting.tensors[clamp.outputs[0]!]!];
  return (
    FUSING.includes(source.op) &&
    (source.attributes as Activated).activation === "none" &&
    from.dtype === "float32" &&
    to.dtype === "float32" &&
    rewriting.isInterior(clamp.inputs[0]!)
  );
}
