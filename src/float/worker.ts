// A worker thread of evaluate.ts: a sample in, its model outputs out.
import type { Graph } from "../graph/graph.ts";
import { FloatNetwork } from "./network.ts";
import type { Sample } from "./samples.ts";
import { serve } from "./threads.ts";

await serve(async ({ graph, module }: { graph: Graph; module: WebAssembly.Module }) => {
  const network = await FloatNetwork.create(graph, module);
  return (sample: Sample) => network.run(sample);
});
