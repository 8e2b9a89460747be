import { type IntegerGraph, shapesOf } from "../graph/integer.ts";
import { opNamed } from "../ops/index.ts";

/** Steps tried at most, and nodes of a graph at most: each try packs the whole arena. */
const MOST_STEPS = 16;
const MOST_NODES = 200;

/** A step that is faster with more scratch than it needs; sizes, the best first. */
export interface Wish {
  readonly node: number;
  readonly sizes: readonly number[];
}

/** Wishes for scratch beyond what steps need; those with the most multiply-adds first. */
export function scratchWishes(graph: IntegerGraph, needed: (node: number) => number): Wish[] {
  if (graph.nodes.length > MOST_NODES) return [];
  const wishes = graph.nodes.flatMap((node, k) => {
    const op = opNamed(node.op);
    const shapes = shapesOf(graph, node);
    const sizes = (op.spareScratchBytes?.(node.parameters, shapes) ?? []).filter(
      (bytes) => bytes > needed(k),
    );
    return sizes.length > 0 ? [{ node: k, sizes, macs: op.cost(node.parameters, shapes).macs }] : [];
  });
  return wishes.sort((a, b) => b.macs - a.macs || a.node - b.node).slice(0, MOST_STEPS);
}
