// A worker thread of threads.ts.
import type { Sample } from "../../float/samples.ts";
import { serve } from "../../float/threads.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Distance, Trial } from "./direct.ts";
import type { Perturbation } from "./provider.ts";

/** What every thread starts from. */
export interface TrialSetup {
  readonly graph: Graph;
  readonly samples: readonly Sample[];
  readonly module: WebAssembly.Module;
  readonly distance: Distance;
}

await serve(async ({ graph, samples, module, distance }: TrialSetup) => {
  const trial = await Trial.create(graph, samples, module, distance);
  return (perturbation: Perturbation) => trial.run(perturbation);
});
