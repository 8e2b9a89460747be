// In Node, Deno and Bun: run-engine.mjs ENGINE.wasm MANIFEST.json runs every model through the engine's own exports.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runModels } from "./run-models.ts";

const [wasm = "", manifest = ""] = process.argv.slice(2);
const module = await WebAssembly.compile(new Uint8Array(readFileSync(wasm)));
const report = await runModels(module, async (name) => {
  return new Uint8Array(readFileSync(join(dirname(manifest), name)));
});
console.log(JSON.stringify(report));
