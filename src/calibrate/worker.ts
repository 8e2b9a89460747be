// A worker thread of src/calibrate/node.ts.
import { FloatNetwork } from "../float/network.ts";
import { serveSamples } from "../float/threads.ts";
import type { Graph } from "../graph/graph.ts";
import { Observer } from "./observer.ts";
import type { StatisticsJson } from "./statistics.ts";

/** What one thread saw. */
export interface Shard {
  readonly samples: readonly string[];
  readonly tensors: readonly (readonly [tensor: number, seen: StatisticsJson])[];
}

await serveSamples(async ({ graph, module }: { graph: Graph; module: WebAssembly.Module }) => {
  const observer = new Observer(await FloatNetwork.create(graph, module));
  return {
    take: (sample, index) => observer.take(sample, index),
    finish: (): Shard => ({
      samples: observer.samples,
      tensors: [...observer.statistics].map(([tensor, seen]) => [tensor, seen.toJSON()] as const),
    }),
  };
});
