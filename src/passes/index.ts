import type { Graph } from "../graph/graph.ts";
import { absorbQuantization } from "./absorb-quantization.ts";
import { dropIdentities } from "./drop-identities.ts";
import { foldBatchNorm } from "./fold-batch-norm.ts";
import { foldPad } from "./fold-pad.ts";
import { foldSoftmaxScale } from "./fold-softmax-scale.ts";
import { fuseActivations } from "./fuse-activations.ts";
import { recogniseActivations } from "./recognise-activations.ts";
import { removeDead } from "./remove-dead.ts";

/**
 * The passes in the order they run; each takes a graph and returns a new one with the same outputs: code for code where
 * it is quantized, up to float rounding where it is not.
 */
export const PASSES: readonly ((graph: Graph) => Graph)[] = [
  recogniseActivations,
  foldBatchNorm,
  fuseActivations,
  foldSoftmaxScale,
  absorbQuantization,
  dropIdentities,
  removeDead,
  foldPad,
];

/** The simplest graph that computes the same outputs. */
export function simplify(graph: Graph): Graph {
  return PASSES.reduce((simpler, pass) => pass(simpler), graph);
}
