import { readFileSync } from "node:fs";
import { PREFIX_BYTES } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { embedModel } from "../model/embed.ts";
import type { Build } from "../runtime/builds.ts";
import { instantiate } from "../runtime/engine.ts";

/** What `dyadic compile --target` writes: the model file, or a module of an engine and the model. */
export const TARGETS = ["dyad", "wasm", "wasm-relaxed", "wasm-scalar"] as const;

const BUILDS: Readonly<Record<string, Build>> = {
  wasm: "engine",
  "wasm-relaxed": "engine-relaxed",
  "wasm-scalar": "engine-scalar",
};

/** The bytes to write for a target. Throws UNSUPPORTED_HOST where this host cannot compile the engine to ask it. */
export async function targetBytes(model: Uint8Array, target: string): Promise<Uint8Array> {
  const build = BUILDS[target];
  if (build === undefined) return model;
  const file = new URL(`../../assembly/build/${build}.wasm`, import.meta.url);
  const bytes = new Uint8Array(readFileSync(file));
  if (!WebAssembly.validate(bytes)) {
    throw new DyadicError("UNSUPPORTED_HOST", `this host does not compile the ${build} build`, {
      expected: "Node 22 or newer for relaxed SIMD",
      found: process.version,
    });
  }
  const engine = await instantiate(await WebAssembly.compile(bytes));
  const prefix = engine.prefix_ptr() >>> 0;
  new Uint8Array(engine.memory.buffer).set(model.subarray(0, PREFIX_BYTES), prefix);
  const required = engine.required_bytes(prefix, PREFIX_BYTES) >>> 0;
  return embedModel(bytes, model, engine.reserve(0) >>> 0, required);
}
