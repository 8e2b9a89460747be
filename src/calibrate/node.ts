// Calibration on worker threads, for Node, Deno and Bun.
import { calibratorModule } from "../float/node.ts";
import type { Progress, Samples } from "../float/samples.ts";
import { canSpread, type Threads, threadsFor, withThreads } from "../float/threads.ts";
import type { Graph } from "../graph/graph.ts";
import { calibrate as calibrateHere, refuseEmpty } from "./calibrate.ts";
import { Calibration, graphHash, mergeStatistics } from "./calibration.ts";
import { Statistics } from "./statistics.ts";
import type { Request, Shard } from "./worker.ts";

const WORKER = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export interface CalibrateOptions extends Progress {
  /** How many threads take samples; left out, as many as the work is worth. The result does not depend on it. */
  readonly threads?: number;
}

/** As `calibrate` of calibrate.ts, on several threads where the work is large. */
export async function calibrate(
  graph: Graph,
  samples: Samples,
  options: CalibrateOptions = {},
): Promise<Calibration> {
  refuseEmpty(samples);
  const module = await calibratorModule();
  const threads = Math.min(options.threads ?? threadsFor(graph, samples), samples.length);
  if (threads < 2 || !canSpread(WORKER)) return calibrateHere(graph, samples, module, options);
  const { signal, onProgress } = options;
  const tasks = {
    length: samples.length,
    at: (index: number): Request => ({ index, sample: samples.at(index)! }),
  };
  const setups = new Array(threads).fill({ graph, module });
  const observe = async (pool: Threads) => {
    let done = 0;
    await pool.share(tasks, () => onProgress?.(++done, samples.length));
    return pool.all<Shard>("finish" satisfies Request);
  };
  const shards = await withThreads(WORKER, setups, observe, signal);
  const statistics = shards.map(
    (shard) => new Map(shard.tensors.map(([tensor, json]) => [tensor, Statistics.fromJSON(json)!])),
  );
  const hashes = shards.flatMap((shard) => shard.samples);
  return new Calibration(graphHash(graph), hashes, mergeStatistics(statistics));
}
