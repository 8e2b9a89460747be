// A worker thread of src/calibrate/node.ts.
import { FloatNetwork } from "../float/network.ts";
import type { Sample } from "../float/samples.ts";
import { serve } from "../float/threads.ts";
import type { Graph } from "../graph/graph.ts";
import { Observer } from "./observer.ts";
import type { StatisticsJson } from "./statistics.ts";

/** What one thread saw. */
export interface Shard {
  readonly samples: readonly string[];
  readonly tensors: readonly (readonly [tensor: number, seen: StatisticsJson])[];
}

/** A sample to take in, or the question for what was seen. */
export type Request = { readonly sample: Sample; readonly index: number } | "finish";

await serve(async ({ graph, module }: { graph: Graph; module: WebAssembly.Module }) => {
  const observer = new Observer(await FloatNetwork.create(graph, module));
  return (request: Request): Shard | undefined => {
    if (request !== "finish") return void observer.take(request.sample, request.index);
    const tensors = [...observer.statistics].map(([tensor, seen]) => [tensor, seen.toJSON()] as const);
    return { samples: observer.samples, tensors };
  };
});
