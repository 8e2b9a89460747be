import type { Graph } from "../graph/graph.ts";
import { dropIdentities } from "./drop-identities.ts";
import { foldPad } from "./fold-pad.ts";
import { removeDead } from "./remove-dead.ts";

/** The passes in the order they run; each takes a graph and returns a new one with the same outputs, code for code. */
export const PASSES: readonly ((graph: Graph) => Graph)[] = [dropIdentities, removeDead, foldPad];

/** The simplest graph that computes the same outputs. */
export function simplify(graph: Graph): Graph {
  return PASSES.reduce((simpler, pass) => pass(simpler), graph);
}
