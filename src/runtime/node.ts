// The session in Node, Deno and Bun: engines from the package's files, models from paths, URLs or bytes.
import { readFile } from "node:fs/promises";
import { type Build, chooseBuild } from "./builds.ts";
import { InferenceSession as CoreSession } from "./core.ts";
import { type LoaderOptions, type ModelSource, sourceName, webDigest } from "./loader.ts";
import { openModel } from "./model-file.ts";

export * from "./core.ts";
export type { LoaderOptions, ModelSource } from "./loader.ts";

const modules = new Map<Build, Promise<WebAssembly.Module>>();

/** The compiled engine of a build; compiled once a process. */
export function engineModule(build: Build = chooseBuild()): Promise<WebAssembly.Module> {
  const known = modules.get(build);
  if (known !== undefined) return known;
  const file = new URL(`../../assembly/build/${build}.wasm`, import.meta.url);
  const module = readFile(file).then((bytes) => WebAssembly.compile(new Uint8Array(bytes)));
  modules.set(build, module);
  return module;
}

export class InferenceSession extends CoreSession {
  /**
   * Loads a `.dyad` model from a path, a URL, a Response, a stream, bytes or a self-contained module.
   * Throws DyadicError; see the core session.
   */
  static override async create(source: ModelSource, options: LoaderOptions = {}): Promise<CoreSession> {
    const file = options.file ?? sourceName(source);
    const [model, module] = await Promise.all([
      openModel(source, file, options),
      options.module ?? engineModule(chooseBuild(options.relaxed)),
    ]);
    return CoreSession.create(model, { digest: webDigest, ...options, module, file });
  }
}
