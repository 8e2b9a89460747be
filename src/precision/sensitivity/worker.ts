// A worker thread of threads.ts.
import type { Sample } from "../../float/samples.ts";
import { serve } from "../../float/threads.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Changes, Trial } from "./direct.ts";
import { FISHER } from "./fisher.ts";
import { GradientTrial, type Part } from "./gradients.ts";
import { HAWQ } from "./hawq.ts";
import type { Perturbation } from "./provider.ts";

/** Providers whose work threads share. */
export type SpreadName = "kl" | "mse" | "clado" | "fisher" | "hawq";

/** What every thread starts from. */
export interface TrialSetup {
  readonly name: SpreadName;
  readonly graph: Graph;
  readonly samples: readonly Sample[];
  readonly labels?: readonly number[];
  readonly module: WebAssembly.Module;
  /** All of them, for methods by gradient, whose tasks are parts of the samples. */
  readonly perturbations: readonly Perturbation[];
}

/** Changes of the network, or a part of what a method by gradient looks at. */
export type Task = Changes | Part;

await serve(async ({ name, graph, samples, labels, module, perturbations }: TrialSetup) => {
  if (name === "kl" || name === "mse") {
    const trial = await Trial.create(graph, samples, module, name);
    return async (task: Task) => [await trial.run(task as Changes)];
  }
  const evidence = { graph, samples, module: async () => module, ...(labels && { labels }) };
  const trial = await GradientTrial.create(evidence, perturbations);
  const method = name === "fisher" ? FISHER : HAWQ;
  return (task: Task) => method.measure(trial, task as Part);
});
