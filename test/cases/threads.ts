// Engines on shared memory, with as many helpers as wanted: fewer than there are threads, too.
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { instantiate } from "../../src/runtime/engine.ts";
import type { ThreadsEngine } from "../../src/runtime/threads/session.ts";

/** Without relaxed SIMD, which Node 20 lacks: the build that is released runs in test/hosts. */
export const THREADS_MODULE = new WebAssembly.Module(
  readFileSync(new URL("../../assembly/build/test-threads.wasm", import.meta.url)),
);
const HELPER = new URL("../../dist/src/runtime/threads/helper.js", import.meta.url);
const MOST_PAGES = 16384;

export interface Shared {
  readonly engine: ThreadsEngine;
  close(): Promise<void>;
}

/** An engine that shares every step it can among `threads`, of which `helpers` are there besides its own. */
export async function openShared(
  threads: number,
  helpers: number,
  { leastWork = 1, patience = 2n ** 33n, module = THREADS_MODULE } = {},
): Promise<Shared> {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_PAGES, shared: true });
  const engine = (await instantiate(module, { env: { memory } })) as ThreadsEngine;
  const status = engine.set_threads(threads, leastWork, patience);
  if (status !== 0) throw new Error(`set_threads: status ${status}`);
  const workers = Array.from(
    { length: helpers },
    () => new Worker(HELPER, { workerData: { module, memory } }),
  );
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("message", resolve))));
  return {
    engine,
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}
