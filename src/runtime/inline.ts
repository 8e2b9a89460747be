// The session with its engines in the script itself, for single-file pages and bundlers that do not copy .wasm files.
import { type Build, chooseBuild } from "./builds.ts";
import { InferenceSession as CoreSession } from "./core.ts";
import { ENGINES } from "./engines.generated.ts";
import { type LoaderOptions, type ModelSource, openSource, sourceName, webDigest } from "./loader.ts";

export * from "./core.ts";
export type { LoaderOptions, ModelSource } from "./loader.ts";

const modules = new Map<Build, Promise<WebAssembly.Module>>();

/** The compiled engine of a build, from the base64 text in this script. */
export function engineModule(build: Build = chooseBuild()): Promise<WebAssembly.Module> {
  const known = modules.get(build);
  if (known !== undefined) return known;
  const bytes = Uint8Array.from(atob(ENGINES[build]), (character) => character.charCodeAt(0));
  const module = WebAssembly.compile(bytes);
  modules.set(build, module);
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
