import type { Graph } from "../graph/graph.ts";

/** Removes the nodes that neither a model output nor a state depends on. Tensor indices stay as they are. */
export function removeDead(graph: Graph): Graph {
  const needed = new Set([...graph.outputs, ...(graph.states ?? [])].map((border) => border.tensor));
  const nodes = graph.nodes.toReversed().filter((node) => {
    const alive = node.outputs.some((output) => needed.has(output));
    if (alive) for (const input of node.inputs) needed.add(input);
    return alive;
  });
  return { ...graph, nodes: nodes.toReversed() };
}
