// Tasks spread over worker threads, for Node, Deno and Bun: each goes whole to the thread that is free, in order.
import { parentPort, Worker, workerData } from "node:worker_threads";
import { DyadicError, type ErrorCode, type ErrorPlace } from "../error.ts";

type Request<Task> = { readonly index: number; readonly task: Task } | "finish";
type Answer<Result> =
  | { readonly ready: true }
  | { readonly index: number; readonly result: Result }
  | { readonly code: ErrorCode; readonly problem: string; readonly place: ErrorPlace };

/**
 * Gives every task to one of `threads` workers of `script`, which calls `serveTasks`. A worker gets its tasks in rising
 * order. Throws what a worker throws first, and the signal's reason; all workers end in any case.
 *
 * @param setup what every worker starts from; structured clone
 * @param onResult called as tasks end, in any order
 */
export async function spreadTasks<Task, Result>(
  script: URL,
  setup: unknown,
  tasks: readonly Task[],
  threads: number,
  onResult: (index: number, result: Result) => void,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const workers = Array.from({ length: threads }, () => new Worker(script, { workerData: setup }));
  let next = 0;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal!.reason);
  });
  signal?.addEventListener("abort", abort);
  const work = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      worker.on("error", reject);
      worker.on("exit", () => reject(new DyadicError("INTERNAL", "a worker thread ended early")));
      worker.on("message", (answer: Answer<Result>) => {
        if ("code" in answer) return reject(new DyadicError(answer.code, answer.problem, answer.place));
        try {
          if ("index" in answer) onResult(answer.index, answer.result);
          if (next >= tasks.length) return resolve();
          const index = next++;
          worker.postMessage({ index, task: tasks[index]! } satisfies Request<Task>);
        } catch (error) {
          reject(error);
        }
      });
    });
  try {
    await Promise.race([Promise.all(workers.map(work)), aborted]);
  } finally {
    signal?.removeEventListener("abort", abort);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** A worker's part: `start` gets the setup and returns what does a task. */
export async function serveTasks<Setup, Task, Result>(
  start: (setup: Setup) => Promise<(task: Task) => Promise<Result>>,
): Promise<void> {
  const answer = (message: Answer<Result>) => parentPort!.postMessage(message);
  const fail = (error: unknown) => {
    if (!(error instanceof DyadicError)) throw error;
    answer({ code: error.code, problem: error.problem, place: error.place });
  };
  try {
    const serve = await start(workerData as Setup);
    parentPort!.on("message", ({ index, task }: { index: number; task: Task }) => {
      serve(task).then((result) => answer({ index, result }), fail);
    });
    answer({ ready: true });
  } catch (error) {
    fail(error);
  }
}
