// Sessions on several threads in Node, Deno and Bun: helpers are worker threads, which keep no process alive.
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { InferenceSession as CoreSession } from "../core.ts";
import { type ModelSource, sourceName } from "../loader.ts";
import { openModel } from "../model-file.ts";
import {
  type HelperSetup,
  helperFailed,
  ThreadedSession,
  type ThreadsOptions,
  threadsOf,
} from "./session.ts";

export * from "../core.ts";
export type { ModelSource } from "../loader.ts";
export type { ThreadsOptions } from "./session.ts";

let compiled: Promise<WebAssembly.Module> | undefined;

/** The compiled engine for threads; compiled once a process. */
export function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= readFile(new URL("../../../assembly/build/engine-threads.wasm", import.meta.url)).then(
    (bytes) => WebAssembly.compile(new Uint8Array(bytes)),
  );
  return compiled;
}

function startHelper(setup: HelperSetup): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(helperFailed(cause, "worker threads may be off or used up here"));
    try {
      const worker = new Worker(new URL("./helper.js", import.meta.url), { workerData: setup });
      worker.once("message", () => {
        worker.unref();
        resolve(() => worker.terminate());
      });
      worker.on("error", fail);
      worker.on("exit", () => fail("it ended early"));
    } catch (error) {
      fail(error); // without permission
    }
  });
}

export class InferenceSession extends CoreSession {
  /**
   * Loads a `.dyad` model from a path, a URL, a Response, a stream or bytes, to run on `threads` threads.
   * Throws DyadicError: UNSUPPORTED_HOST where there is no relaxed SIMD, and as the session on one thread.
   */
  static override async create(source: ModelSource, options: ThreadsOptions = {}): Promise<CoreSession> {
    const file = options.file ?? sourceName(source);
    const threads = threadsOf({ ...options, file }, availableParallelism(), true);
    const [model, module] = await Promise.all([
      openModel(source, file, options),
      options.module ?? engineModule(),
    ]);
    return ThreadedSession.start(model, threads, module, startHelper, { ...options, file });
  }
}
