// Direct perturbation on worker threads, for Node, Deno and Bun.
import { canSpread, withThreads } from "../../float/threads.ts";
import { directProvider, inOrder, type Runner } from "./direct.ts";
import type { SensitivityProvider } from "./provider.ts";
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
    const setups = new Array(Math.min(threads, tasks.length)).fill(setup);
    await withThreads(WORKER, setups, (pool) => pool.share(tasks, take), signal);
  };
  return directProvider(name, name, run);
}
