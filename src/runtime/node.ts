// The session in Node, Deno and Bun: engines from the package's files, models from paths, URLs or bytes.
import { readFile } from "node:fs/promises";
import { DyadicError } from "../error.ts";
import { type Build, chooseBuild } from "./builds.ts";
import { InferenceSession as CoreSession, type SessionOptions } from "./core.ts";
import { type LoaderOptions, responseBytes } from "./loader.ts";

export * from "./core.ts";
export type { LoaderOptions } from "./loader.ts";

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
   * Loads a `.dyad` model from a path, a URL, a Response or bytes.
   * Throws DyadicError; see the core session.
   */
  static override async create(
    source: string | URL | Response | Uint8Array | ArrayBuffer,
    options: SessionOptions & LoaderOptions = {},
  ): Promise<CoreSession> {
    const file =
      options.file ?? (typeof source === "string" || source instanceof URL ? `${source}` : "model");
    const module = options.module ?? (await engineModule(chooseBuild(options.relaxed)));
    return CoreSession.create(await sourceBytes(source, file, options), { ...options, module, file });
  }
}

async function sourceBytes(
  source: string | URL | Response | Uint8Array | ArrayBuffer,
  file: string,
  options: LoaderOptions,
): Promise<Uint8Array | ArrayBuffer> {
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return source;
  if (source instanceof Response) return responseBytes(source, file, options);
  if (/^https?:/.test(`${source}`)) {
    return responseBytes(await fetch(source, { signal: options.signal ?? null }), file, options);
  }
  try {
    return await readFile(source, { signal: options.signal });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new DyadicError("BAD_FILE", "the model cannot be read", { file, found: `${error}` }, error);
  }
}
