// Worker threads, for Node, Deno and Bun. What they answer must merge to the same in any order, so that no result depends
// on how many there are.
import { availableParallelism } from "node:os";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { DyadicError, type ErrorCode, type ErrorPlace } from "../error.ts";
import { elements, type Graph } from "../graph/graph.ts";

/** Multiply-adds below which threads cost more than they save: some 200 ms of work. */
const LARGE = 4e9;

type Answer =
  | { readonly result: unknown }
  | { readonly code: ErrorCode; readonly problem: string; readonly place: ErrorPlace };

/** Tasks that may be made as they are asked for; an array is one. */
interface Tasks<Task> {
  readonly length: number;
  at(index: number): Task | undefined;
}

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
export function threadsFor(graph: Graph, samples: { readonly length: number }): number {
  const large = graphMacs(graph) * samples.length >= LARGE;
  return large ? Math.min(2, availableParallelism(), samples.length) : 1;
}

/** Whether a worker can run this file's neighbours: compiled, or in a Node that strips types. */
export function canSpread(script: URL): boolean {
  return !script.pathname.endsWith(".ts") || "typescript" in process.features;
}

/** Runs an action with workers that end with it. */
export async function withThreads<T>(
  script: URL,
  setups: readonly unknown[],
  action: (threads: Threads) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const threads = new Threads(script, setups, signal);
  try {
    return await action(threads);
  } finally {
    await threads.end();
  }
}

/** One worker, and whoever waits for its answers: it gives them in the order it was asked. */
class Thread {
  private readonly worker: Worker;
  private readonly waiting: Waiting[] = [];
  private failure: { readonly reason: unknown } | undefined;

  constructor(script: URL, setup: unknown) {
    this.worker = new Worker(script, { workerData: setup });
    this.worker.on("error", (error) => this.fail(error));
    this.worker.on("exit", () => this.fail(new DyadicError("INTERNAL", "a worker thread ended early")));
    this.worker.on("message", (answer: Answer) => {
      if ("code" in answer) return this.fail(new DyadicError(answer.code, answer.problem, answer.place));
      this.waiting.shift()?.resolve(answer.result);
    });
  }

  ask(request: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) return reject(this.failure.reason);
      this.waiting.push({ resolve, reject });
      this.worker.postMessage(request);
    });
  }

  fail(reason: unknown): void {
    this.failure ??= { reason };
    for (const { reject } of this.waiting.splice(0)) reject(reason);
  }

  end(): Promise<unknown> {
    return this.worker.terminate();
  }
}

interface Waiting {
  resolve(result: unknown): void;
  reject(reason: unknown): void;
}

/** Workers of one script, which calls `serve`. What is asked rejects with what a worker throws, or the signal's reason. */
export class Threads {
  private readonly threads: readonly Thread[];
  private readonly signal: AbortSignal | undefined;
  private readonly abort = () => {
    for (const thread of this.threads) thread.fail(this.signal!.reason);
  };

  /**
   * @param setups what every worker starts from; structured clone
   * Throws the signal's reason where it is aborted already.
   */
  constructor(script: URL, setups: readonly unknown[], signal?: AbortSignal) {
    signal?.throwIfAborted();
    this.threads = setups.map((setup) => new Thread(script, setup));
    this.signal = signal;
    signal?.addEventListener("abort", this.abort);
  }

  /** Asks every thread the same; the answers are in the order of the threads. */
  all<Result>(request: unknown): Promise<Result[]> {
    return Promise.all(this.threads.map((thread) => thread.ask(request) as Promise<Result>));
  }

  /**
   * Gives every task to a thread that is free, in order.
   *
   * @param onResult called as tasks end, in any order
   */
  async share<Task, Result>(
    tasks: Tasks<Task>,
    onResult: (index: number, result: Result) => void,
  ): Promise<void> {
    let next = 0;
    const work = async (thread: Thread) => {
      while (next < tasks.length) {
        const index = next++;
        onResult(index, (await thread.ask(tasks.at(index)!)) as Result);
      }
    };
    await Promise.all(this.threads.map(work));
  }

  async end(): Promise<void> {
    this.signal?.removeEventListener("abort", this.abort);
    await Promise.all(this.threads.map((thread) => thread.end()));
  }
}

/** A worker's part: `start` gets the setup and returns what answers a request; one is answered after the other. */
export async function serve<Setup, Request>(
  start: (setup: Setup) => Promise<(request: Request) => unknown>,
): Promise<void> {
  const post = (answer: Answer) => parentPort!.postMessage(answer);
  const fail = (error: unknown) => {
    if (!(error instanceof DyadicError)) throw error;
    post({ code: error.code, problem: error.problem, place: error.place });
  };
  try {
    const answer = await start(workerData as Setup);
    let turn = Promise.resolve();
    parentPort!.on("message", (request: Request) => {
      turn = turn.then(async () => post({ result: await answer(request) })).catch(fail);
    });
  } catch (error) {
    fail(error);
  }
}
