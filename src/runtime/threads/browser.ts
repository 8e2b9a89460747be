// Sessions on several threads in cross-origin isolated pages: helpers are module workers. Both URLs are literals, so that
// bundlers see them.
import { InferenceSession as CoreSession } from "../core.ts";
import { fetchEngine } from "../fetch-engine.ts";
import { type ModelSource, openSource, sourceName } from "../loader.ts";
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

/** The compiled engine for threads, compiled once a page while it arrives. A failed fetch is tried again next time. */
export function engineModule(): Promise<WebAssembly.Module> {
  compiled ??= fetchEngine(new URL("../../../assembly/build/engine-threads.wasm", import.meta.url));
  compiled.catch(() => {
    compiled = undefined;
  });
  return compiled;
}

function startHelper(setup: HelperSetup): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        helperFailed(
          cause,
          "threads/browser-helper.js must lie beside the bundle, on the page's own origin and with its headers",
        ),
      );
    try {
      const worker = new Worker(new URL("./browser-helper.js", import.meta.url), { type: "module" });
      worker.onmessage = () => resolve(() => worker.terminate());
      worker.onerror = ({ message }) => {
        worker.terminate();
        fail(message);
      };
      worker.postMessage(setup);
    } catch (error) {
      fail(error); // a bundle on another origin than the page's
    }
  });
}

export class InferenceSession extends CoreSession {
  /**
   * Loads a `.dyad` model from a URL, a Response, a stream or bytes, to run on `threads` threads. The page computes too,
   * and waits for the helpers without giving way to events: run long models in a worker of your own.
   * Throws DyadicError: UNSUPPORTED_HOST in pages that are not isolated or without relaxed SIMD, and as the session on one thread.
   */
  static override async create(source: ModelSource, options: ThreadsOptions = {}): Promise<CoreSession> {
    const file = options.file ?? sourceName(source);
    const isolated = globalThis.crossOriginIsolated === true && typeof Worker === "function";
    const threads = threadsOf({ ...options, file }, navigator.hardwareConcurrency ?? 1, isolated);
    const [model, module] = await Promise.all([
      openSource(source, file, options),
      options.module ?? engineModule(),
    ]);
    return ThreadedSession.start(model, threads, module, startHelper, { ...options, file });
  }
}
