// A worker thread of evaluate.ts.
import type { Graph } from "../graph/graph.ts";
import { FloatNetwork } from "./network.ts";
import { serveSamples } from "./threads.ts";

/** The model outputs of the samples that one thread took, by sample. */
export type Evaluated = (readonly [index: number, outputs: Float32Array[]])[];

await serveSamples(async ({ graph, module }: { graph: Graph; module: WebAssembly.Module }) => {
  const network = await FloatNetwork.create(graph, module);
  const evaluated: Evaluated = [];
  return {
    take: (sample, index) => void evaluated.push([index, network.run(sample)]),
    finish: () => evaluated,
  };
});
