// Samples spread over worker threads, for Node, Deno and Bun. A thread takes whole samples, so that no sum depends on
// how many threads there are; what the threads return must merge to the same in any order.
import { availableParallelism } from "node:os";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { DyadicError, type ErrorCode, type ErrorPlace } from "../error.ts";
import { elements, type Graph } from "../graph/graph.ts";
import type { Progress, Sample, Samples } from "./samples.ts";

/** Multiply-adds below which threads cost more than they save: some 200 ms of work. */
const LARGE = 4e9;

type Request = { readonly index: number; readonly sample: Sample } | "finish";
type Answer =
  | { readonly done: number }
  | { readonly result: unknown }
  | { readonly code: ErrorCode; readonly problem: string; readonly place: ErrorPlace };

/** Multiply-adds of one sample. */
export function graphMacs(graph: Graph): number {
  return graph.nodes.reduce((macs, { op, inputs, outputs }) => {
    const weights = graph.tensors[inputs[1] ?? -1];
    if (weights?.data === undefined) return macs;
    const channels = weights.shape[op === "depthwise" ? 3 : 0]!;
    return macs + elements(graph.tensors[outputs[0]!]!.shape) * (elements(weights.shape) / channels);
  }, 0);
}

/** How many threads the work is worth: 1 is the caller's own. */
export function threadsFor(graph: Graph, samples: Samples): number {
  const large = graphMacs(graph) * samples.length >= LARGE;
  return large ? Math.min(2, availableParallelism(), samples.length) : 1;
}

/** Whether a worker can run this file's neighbours: compiled, or in a Node that strips types. */
export function canSpread(script: URL): boolean {
  return !script.pathname.endsWith(".ts") || "typescript" in process.features;
}

/**
 * Runs every sample on one of `threads` workers of `script`, which calls `serveSamples`.
 *
 * @param setup what every worker starts from; structured clone
 * @returns what every worker made of its samples
 * Throws what a worker throws first; all workers end in any case.
 */
export async function spreadSamples(
  script: URL,
  setup: unknown,
  samples: Samples,
  threads: number,
  { signal, onProgress }: Progress = {},
): Promise<unknown[]> {
  signal?.throwIfAborted();
  const workers = Array.from({ length: threads }, () => new Worker(script, { workerData: setup }));
  let [next, done] = [0, 0];
  const request = (): Request =>
    next < samples.length ? { index: next, sample: samples.at(next++)! } : "finish";
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal!.reason);
  });
  signal?.addEventListener("abort", abort);
  const work = (worker: Worker) =>
    new Promise<unknown>((resolve, reject) => {
      worker.on("error", reject);
      worker.on("exit", () => reject(new DyadicError("INTERNAL", "a worker thread ended early")));
      worker.on("message", (answer: Answer) => {
        if ("code" in answer) return reject(new DyadicError(answer.code, answer.problem, answer.place));
        if ("result" in answer) return resolve(answer.result);
        try {
          if (answer.done >= 0) onProgress?.(++done, samples.length);
          worker.postMessage(request());
        } catch (error) {
          reject(error);
        }
      });
    });
  try {
    return await Promise.race([Promise.all(workers.map(work)), aborted]);
  } finally {
    signal?.removeEventListener("abort", abort);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** A worker's part: `start` gets the setup; then every sample is passed to `take`, and `finish` gives the result. */
export async function serveSamples<Setup>(
  start: (setup: Setup) => Promise<{ take(sample: Sample, index: number): void; finish(): unknown }>,
): Promise<void> {
  const answer = (message: Answer) => parentPort!.postMessage(message);
  const fail = (error: unknown) => {
    if (!(error instanceof DyadicError)) throw error;
    answer({ code: error.code, problem: error.problem, place: error.place });
  };
  try {
    const server = await start(workerData as Setup);
    parentPort!.on("message", (request: Request) => {
      try {
        if (request === "finish") return answer({ result: server.finish() });
        server.take(request.sample, request.index);
        answer({ done: request.index });
      } catch (error) {
        fail(error);
      }
    });
    answer({ done: -1 });
  } catch (error) {
    fail(error);
  }
}
