// Providers on worker threads, for Node, Deno and Bun.
import { canSpread, withThreads } from "../../float/threads.ts";
import { pairwise } from "./clado.ts";
import { directProvider, inOrder, type Runner } from "./direct.ts";
import { FISHER } from "./fisher.ts";
import { gradientProvider, type PartRunner } from "./gradients.ts";
import { HAWQ } from "./hawq.ts";
import type { Evidence, Perturbation, SensitivityProvider } from "./provider.ts";
import type { SpreadName, Task, TrialSetup } from "./worker.ts";

const WORKER = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export const SPREADABLE: readonly SpreadName[] = ["kl", "mse", "clado", "fisher", "hawq"];

/** As the provider of this name, on so many threads; one where this host cannot start any. The losses are the same. */
export function spreadProvider(name: SpreadName, threads: number): SensitivityProvider {
  const isSpread = threads > 1 && canSpread(WORKER);
  if (name === "clado")
    return pairwise(directProvider(name, "kl", isSpread ? spreadTrials("kl", threads) : undefined));
  if (name === "kl" || name === "mse") {
    return directProvider(name, name, isSpread ? spreadTrials(name, threads) : undefined);
  }
  const method = name === "fisher" ? FISHER : HAWQ;
  return gradientProvider(method, isSpread ? spreadParts(threads) : undefined);
}

function spreadTrials(name: "kl" | "mse", threads: number): Runner {
  return async (evidence, changes, _, onLoss, signal) => {
    const order = inOrder(changes.map(([first]) => first!));
    const tasks = order.map((index) => changes[index]!);
    const take = (place: number, [loss]: readonly number[]) => onLoss(order[place]!, loss!);
    await spread(await setupOf(evidence, name, []), tasks, threads, take, signal);
  };
}

function spreadParts(threads: number): PartRunner {
  return async (method, evidence, perturbations, parts, onPart, signal) => {
    await spread(await setupOf(evidence, method.name, perturbations), parts, threads, onPart, signal);
  };
}

async function setupOf(
  { graph, samples, labels, module }: Evidence,
  name: SpreadName,
  perturbations: readonly Perturbation[],
): Promise<TrialSetup> {
  const set = Array.from({ length: samples.length }, (_, s) => samples.at(s)!);
  const known = labels && Array.from(labels);
  return {
    name,
    graph,
    samples: set,
    module: await module(),
    perturbations,
    ...(known && { labels: known }),
  };
}

async function spread(
  setup: TrialSetup,
  tasks: readonly Task[],
  threads: number,
  onResult: (index: number, numbers: readonly number[]) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const setups = new Array(Math.min(threads, tasks.length)).fill(setup);
  await withThreads(WORKER, setups, (pool) => pool.share(tasks, onResult), signal);
}
