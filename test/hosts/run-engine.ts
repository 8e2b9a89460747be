// In a JavaScript host: run-engine.mjs ENGINE.wasm MANIFEST.json runs every model through the engine's own exports.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import { type EngineExports, instantiate, loadModel } from "../../src/runtime/engine.ts";
import type { EngineReport } from "./hosts.ts";
import type { HostModel } from "./models.ts";

const CLASSES: Record<number, string> = {
  [DOT_UNSIGNED]: "U",
  [DOT_PAIR_SATURATING]: "P",
  [DOT_SIGNED]: "S",
};

const [wasm = "", manifest = ""] = process.argv.slice(2);
const module = await WebAssembly.compile(new Uint8Array(readFileSync(wasm)));
const models = JSON.parse(readFileSync(manifest, "utf8")) as HostModel[];
const report: EngineReport = { dotClass: "-", results: {} };
for (const model of models) {
  const engine = await instantiate(module);
  loadModel(engine, new Uint8Array(readFileSync(model.model)), model.name);
  report.dotClass = CLASSES[engine.self_test()] ?? "-";
  const start = performance.now();
  const hash = runSamples(engine, model);
  report.results[model.name] = { hash, ms: performance.now() - start };
}
console.log(JSON.stringify(report));

function runSamples(engine: EngineExports, { input, samples, inputs, outputs }: HostModel): string {
  const memory = new Uint8Array(engine.memory.buffer);
  const stdin = new Uint8Array(readFileSync(input));
  const hash = createHash("sha256");
  const raw = (codes: Uint8Array, unsigned: boolean) => (unsigned ? codes.map((code) => code ^ 0x80) : codes);
  let at = 0;
  for (let sample = 0; sample < samples; sample++) {
    for (const { io, bytes, unsigned } of inputs) {
      memory.set(raw(stdin.subarray(at, at + bytes), unsigned), engine.input_ptr(io) >>> 0);
      at += bytes;
    }
    const status = engine.run();
    if (status !== 0) throw new Error(`run: status ${status}`);
    for (const { io, bytes, unsigned } of outputs) {
      const start = engine.output_ptr(io) >>> 0;
      hash.update(raw(memory.subarray(start, start + bytes), unsigned));
    }
  }
  return hash.digest("hex");
}
