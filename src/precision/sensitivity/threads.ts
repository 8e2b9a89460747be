// Direct perturbation on worker threads, for Node, Deno and Bun.
import { spreadTasks } from "../../float/tasks.ts";
import { canSpread } from "../../float/threads.ts";
import { directProvider, inOrder, type Runner } from "./direct.ts";
import type { Perturbation, SensitivityProvider } from "./provider.ts";
import type { TrialSetup } from "./worker.ts";

const WORKER = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/** As kl.ts and mse.ts, on so many threads; one where this host cannot start any. The losses are the same. */
export function spreadProvider(name: "kl" | "mse", threads: number): SensitivityProvider {
  if (threads < 2 || !canSpread(WORKER)) return directProvider(name, name);
  const run: Runner = async ({ graph, samples, module }, perturbations, distance, onLoss, signal) => {
    const order = inOrder(perturbations);
    const set = Array.from({ length: samples.length }, (_, s) => samples.at(s)!);
    const setup: TrialSetup = { graph, samples: set, module: await module(), distance };
    const tasks = order.map((index) => perturbations[index]!);
    const take = (place: number, loss: number) => onLoss(order[place]!, loss);
    await spreadTasks<Perturbation, number>(
      WORKER,
      setup,
      tasks,
      Math.min(threads, tasks.length),
      take,
      signal,
    );
  };
  return directProvider(name, name, run);
}
