// Whole sets of samples through a float graph, for Node, Deno and Bun: on worker threads where the work is large.
import type { Graph } from "../graph/graph.ts";
import { FloatNetwork } from "./network.ts";
import { calibratorModule } from "./node.ts";
import { forEachSample, type Progress, type Sample, type Samples } from "./samples.ts";
import { canSpread, threadsFor, withThreads } from "./threads.ts";

const WORKER = new URL(`./worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export interface EvaluateOptions extends Progress {
  /** How many threads take samples; left out, as many as the work is worth. The result does not depend on it. */
  readonly threads?: number;
}

/**
 * The model outputs of every sample, in the order of the samples and of `graph.outputs`.
 * Throws as `FloatNetwork` does.
 */
export async function evaluate(
  graph: Graph,
  samples: Samples,
  options: EvaluateOptions = {},
): Promise<Float32Array[][]> {
  const module = await calibratorModule();
  const outputs: Float32Array[][] = new Array(samples.length);
  const threads = Math.min(options.threads ?? threadsFor(graph, samples), samples.length);
  if (threads < 2 || !canSpread(WORKER)) {
    const network = await FloatNetwork.create(graph, module);
    const take = (sample: Sample, index: number) => {
      outputs[index] = network.run(sample);
    };
    await forEachSample(samples, take, options);
    return outputs;
  }
  let done = 0;
  const keep = (index: number, values: Float32Array[]) => {
    outputs[index] = values;
    options.onProgress?.(++done, samples.length);
  };
  const setups = new Array(threads).fill({ graph, module });
  await withThreads(WORKER, setups, (pool) => pool.share(samples, keep), options.signal);
  return outputs;
}
