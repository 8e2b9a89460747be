// What every embedder does, whatever its host: load each model into an engine of its own, run its samples, hash the outputs.
import { DOT_PAIR_SATURATING, DOT_SIGNED, DOT_UNSIGNED } from "../../assembly/abi.ts";
import { type EngineExports, instantiate, loadModel } from "../../src/runtime/engine.ts";
import type { EngineReport } from "./hosts.ts";
import type { HostModel } from "./models.ts";

const CLASSES: Record<number, string> = {
  [DOT_UNSIGNED]: "U",
  [DOT_PAIR_SATURATING]: "P",
  [DOT_SIGNED]: "S",
};

/** Bytes of a file beside the manifest. */
export type ReadFile = (name: string) => Promise<Uint8Array>;

/** Runs every model of the manifest on a compiled engine, by its own exports. */
export async function runModels(module: WebAssembly.Module, read: ReadFile): Promise<EngineReport> {
  const models = JSON.parse(new TextDecoder().decode(await read("manifest.json"))) as HostModel[];
  const report: EngineReport = { dotClass: "-", results: {} };
  for (const model of models) {
    const engine = await instantiate(module);
    loadModel(engine, await read(`${model.name}.dyad`), model.name);
    report.dotClass = CLASSES[engine.self_test()] ?? "-";
    const input = await read(`${model.name}.in`);
    const start = performance.now();
    const outputs = runSamples(engine, model, input);
    const ms = performance.now() - start;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", outputs));
    const hash = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    report.results[model.name] = { hash, ms };
  }
  return report;
}

function runSamples(
  engine: EngineExports,
  { samples, inputs, outputs }: HostModel,
  input: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const memory = new Uint8Array(engine.memory.buffer);
  const raw = (codes: Uint8Array, unsigned: boolean) => (unsigned ? codes.map((code) => code ^ 0x80) : codes);
  const results = new Uint8Array(samples * outputs.reduce((total, { bytes }) => total + bytes, 0));
  let read = 0;
  let written = 0;
  for (let sample = 0; sample < samples; sample++) {
    for (const { io, bytes, unsigned } of inputs) {
      memory.set(raw(input.subarray(read, read + bytes), unsigned), engine.input_ptr(io) >>> 0);
      read += bytes;
    }
    const status = engine.run();
    if (status !== 0) throw new Error(`run: status ${status}`);
    for (const { io, bytes, unsigned } of outputs) {
      const start = engine.output_ptr(io) >>> 0;
      results.set(raw(memory.subarray(start, start + bytes), unsigned), written);
      written += bytes;
    }
  }
  return results;
}
