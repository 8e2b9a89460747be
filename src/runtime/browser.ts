// The session in browsers: engines and models by fetch. Every engine URL is a literal, so that bundlers see it.
import { type Build, chooseBuild } from "./builds.ts";
import { InferenceSession as CoreSession } from "./core.ts";
import { fetchEngine } from "./fetch-engine.ts";
import { type LoaderOptions, type ModelSource, openSource, sourceName, webDigest } from "./loader.ts";

export * from "./core.ts";
export type { LoaderOptions, ModelSource } from "./loader.ts";

function engineUrl(build: Build): URL {
  if (build === "engine-relaxed") return new URL("../../assembly/build/engine-relaxed.wasm", import.meta.url);
  if (build === "engine") return new URL("../../assembly/build/engine.wasm", import.meta.url);
  return new URL("../../assembly/build/engine-scalar.wasm", import.meta.url);
}

const modules = new Map<Build, Promise<WebAssembly.Module>>();

/** The compiled engine of a build, compiled once a page while it arrives. A failed fetch is tried again next time. */
export function engineModule(build: Build = chooseBuild()): Promise<WebAssembly.Module> {
  const known = modules.get(build);
  if (known !== undefined) return known;
  const module = fetchEngine(engineUrl(build));
  modules.set(build, module);
  module.catch(() => modules.delete(build));
  return module;
}

export class InferenceSession extends CoreSession {
  /** Loads a `.dyad` model from a URL, a Response, a stream, bytes or a self-contained module. Throws DyadicError; see the core session. */
  static override async create(source: ModelSource, options: LoaderOptions = {}): Promise<CoreSession> {
    const file = options.file ?? sourceName(source);
    const [model, module] = await Promise.all([
      openSource(source, file, options),
      options.module ?? engineModule(chooseBuild(options.relaxed)),
    ]);
    return CoreSession.create(model, { digest: webDigest, ...options, module, file });
  }
}
