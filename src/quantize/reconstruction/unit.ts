import type { Graph, Node } from "../../graph/graph.ts";
import { opNamed } from "../../ops/index.ts";

/** A run of nodes between two places where a single activation is alive: what is reconstructed together. */
export interface Unit {
  readonly nodes: readonly Node[];
  readonly input: number;
  readonly output: number;
}

/** Activations that a node reads. */
export function activationsOf({ inputs }: Node, graph: Graph): number[] {
  return inputs.filter((tensor) => tensor >= 0 && graph.tensors[tensor]!.data === undefined);
}

/**
 * Cuts a graph with one input and one output into units of at least `layers` layers with weights, the last one perhaps
 * of fewer. A residual block is never cut, since its shortcut is alive all along (Li 2021, BRECQ, section 3.2).
 */
export function unitsOf(graph: Graph, layers: number): Unit[] {
  const lastReader = new Map<number, number>();
  graph.nodes.forEach((node, step) => {
    for (const tensor of activationsOf(node, graph)) lastReader.set(tensor, step);
  });
  for (const { tensor } of graph.outputs) lastReader.set(tensor, graph.nodes.length);
  const alive = new Set(graph.inputs.map(({ tensor }) => tensor));
  const units: Unit[] = [];
  let input = graph.inputs[0]!.tensor;
  let first = 0;
  graph.nodes.forEach((node, step) => {
    for (const output of node.outputs) alive.add(output);
    for (const tensor of alive) if ((lastReader.get(tensor) ?? -1) <= step) alive.delete(tensor);
    const nodes = graph.nodes.slice(first, step + 1);
    const weighted = nodes.filter(({ op }) => opNamed(op).weightAxis !== undefined).length;
    const isLast = step === graph.nodes.length - 1;
    if (alive.size !== 1 || (weighted < layers && !isLast)) return;
    const [output] = alive as Set<number> & Iterable<number>;
    units.push({ nodes, input, output: output! });
    input = output!;
    first = step + 1;
  });
  return units;
}
