// The session on several threads (DESIGN section 5, engine-threads.wasm): the engine of this thread runs models as any
// engine does and offers every large step in shares; helpers in workers take shares, on the same memory. Same bits.
import { LOST_THREAD, MAX_THREADS } from "../../../assembly/abi.ts";
import { DyadicError } from "../../error.ts";
import { chooseBuild } from "../builds.ts";
import { InferenceSession as CoreSession, type OpenSource, type SessionOptions } from "../core.ts";
import { type EngineExports, instantiate } from "../engine.ts";
import { bodyOf, receiveModel } from "../receive.ts";

export interface ThreadsOptions extends SessionOptions {
  /** How many threads compute, this one among them: 1 to 64. Default: one a core, four at most. */
  readonly threads?: number;
}

/** What a helper starts from. */
export interface HelperSetup {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
}

/** Starts a helper on a thread of its own; resolves, when it is ready, to what ends it. Rejects with a DyadicError alone. */
export type StartHelper = (setup: HelperSetup) => Promise<() => void>;

/** What the build for threads exports besides the ABI (assembly/threaded.ts). */
export interface ThreadsEngine extends EngineExports {
  set_threads(threads: number, leastWork: number, patience: bigint): number;
  helped(): number;
}

const PAGE_BYTES = 65536;
const MOST_PAGES = 65536;
/** Multiply-adds that a share has at least: one or two microseconds. A step is handed over and back in half of one. */
export const LEAST_WORK = 2 ** 17;
/** Looks at a share that a thread has begun before a run gives up: about ten seconds of them. */
const PATIENCE = 2n ** 33n;
const MOST_BY_DEFAULT = 4;

/** The number of threads asked for, of a host with so many cores. Throws BAD_ARGUMENT, UNSUPPORTED_HOST. */
export function threadsOf(
  { threads, module, file = "model" }: ThreadsOptions,
  cores: number,
  isolated: boolean,
): number {
  const count = threads ?? Math.min(cores, MOST_BY_DEFAULT);
  if (!Number.isInteger(count) || count < 1 || count > MAX_THREADS) {
    throw new DyadicError("BAD_ARGUMENT", "no such number of threads", {
      file,
      expected: `an integer from 1 to ${MAX_THREADS}`,
      found: `${threads}`,
    });
  }
  const missing = (what: string, hint: string) =>
    new DyadicError("UNSUPPORTED_HOST", `threads need ${what}, which this host does not have`, {
      file,
      hint: `${hint}; or use \`dyadic\` itself, which runs on one thread anywhere`,
    });
  if (!isolated) {
    const headers = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
    throw missing("shared memory and workers", `serve the page with the headers ${headers}`);
  }
  if (module === undefined && chooseBuild() !== "engine-relaxed") {
    throw missing("relaxed SIMD", "take a newer browser, or Node 22 and above");
  }
  return count;
}

/** A session whose runs are shared with helpers, until `dispose` ends them. */
export class ThreadedSession extends CoreSession {
  private end: readonly (() => void)[] = [];

  /** Loads a model and starts `threads - 1` helpers. Throws as the core session does, and what a helper's start does. */
  static async start(
    model: OpenSource,
    threads: number,
    module: WebAssembly.Module,
    startHelper: StartHelper,
    options: ThreadsOptions,
  ): Promise<ThreadedSession> {
    const { file = "model" } = options;
    const memory = sharedMemory(file, options);
    const engine = (await instantiate(module, { env: { memory } })) as ThreadsEngine;
    engine.set_threads(threads, LEAST_WORK, PATIENCE);
    const bytes = await modelBytes(model, engine, file, options);
    const opened = await ThreadedSession.open({ engine: guarded(engine, file), bytes }, file, options);
    const session = opened as ThreadedSession;
    const starts = Array.from({ length: threads - 1 }, () => startHelper({ module, memory }));
    const started = await Promise.allSettled(starts);
    session.end = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = started.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
    if (failed === undefined) return session;
    session.dispose();
    throw (failed.reason as DyadicError).at({ file });
  }

  /** Ends the helpers, and frees the engine and its memory. */
  override dispose(): void {
    super.dispose();
    for (const end of this.end) end();
    this.end = [];
  }
}

/** The error of a worker that could not begin; browsers do not always say why. */
export function helperFailed(cause: unknown, hint: string): DyadicError {
  const place = { ...(cause !== undefined && { found: `${cause}` }), hint };
  return new DyadicError("UNSUPPORTED_HOST", "a worker for the threads could not be started", place, cause);
}

function sharedMemory(file: string, { memoryLimit = 2 ** 30 }: ThreadsOptions): WebAssembly.Memory {
  const maximum = Math.min(Math.max(Math.ceil(memoryLimit / PAGE_BYTES), 1), MOST_PAGES);
  try {
    return new WebAssembly.Memory({ initial: 1, maximum, shared: true });
  } catch (error) {
    const place = { file, found: `${error}`, hint: "lower memoryLimit: shared memory reserves all of it" };
    throw new DyadicError("OUT_OF_MEMORY", "the host gives no shared memory", place, error);
  }
}

/** A model's bytes outside of shared memory, which decoders of text refuse. */
async function modelBytes(
  model: OpenSource,
  engine: EngineExports,
  file: string,
  options: ThreadsOptions,
): Promise<Uint8Array> {
  if (model instanceof WebAssembly.Module) {
    throw new DyadicError("BAD_ARGUMENT", "a module with a model in it has an engine for one thread", {
      file,
      hint: "give the .dyad file",
    });
  }
  if (model instanceof Uint8Array) return model;
  if ("byteLength" in model) return new Uint8Array(model);
  const stream = "getReader" in model ? model : bodyOf(model, file);
  return (await receiveModel(engine, stream, file, options)).slice();
}

/** The engine, whose runs throw where a helper began a share and never finished it. */
function guarded(engine: EngineExports, file: string): EngineExports {
  const check = (status: number) => {
    if (status !== LOST_THREAD) return status;
    throw new DyadicError("INTERNAL", "a thread ended, or was stopped, in the middle of a run", {
      file,
      hint: "dispose this session and create another",
    });
  };
  return {
    ...engine,
    run: () => check(engine.run()),
    run_steps: (from, to) => check(engine.run_steps(from, to)),
  };
}
