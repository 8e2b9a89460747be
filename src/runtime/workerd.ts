// The session in Cloudflare Workers: the engine is a module of the script, for nothing may be compiled at run time.
import engine from "../../assembly/build/engine-relaxed.wasm";
import { DyadicError } from "../error.ts";
import { InferenceSession as CoreSession } from "./core.ts";
import { type LoaderOptions, type ModelSource, openSource, sourceName } from "./loader.ts";

export * from "./core.ts";
export type { LoaderOptions, ModelSource } from "./loader.ts";

export class InferenceSession extends CoreSession {
  /**
   * Loads a `.dyad` model: bytes of a data module, a stream (of an R2 object) or Response, a URL to fetch, or a
   * module of `dyadic compile --target wasm`. Throws DyadicError; see the core session.
   */
  static override async create(source: ModelSource, options: LoaderOptions = {}): Promise<CoreSession> {
    const { relaxed, module = engine, file = sourceName(source) } = options;
    if (relaxed === false && options.module === undefined) {
      throw new DyadicError("BAD_ARGUMENT", "a Worker carries the relaxed engine alone", {
        file,
        hint: "import module from 'dyadic/engine.wasm' and pass { module }",
      });
    }
    return CoreSession.create(await openSource(source, file, options), { ...options, module, file });
  }
}
