import { expect, test } from "vitest";
import { targetBytes } from "../../src/cli/target.ts";
import { compileGraph } from "../../src/compile.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { InferenceSession } from "../../src/runtime/core.ts";
import { engineBytes, hasRelaxed } from "../cases/engine.ts";
import { randomGraph, randomInputs } from "../cases/graphs.ts";

const TARGETS = ["wasm", "wasm-scalar", ...(hasRelaxed ? ["wasm-relaxed"] : [])];

test.each(TARGETS)("%s: one module without imports runs the model that is in it", async (target) => {
  for (let seed = 1; seed <= 10; seed++) {
    const graph = randomGraph(seed);
    const { model, integer } = compileGraph(graph);
    const module = await WebAssembly.compile((await targetBytes(model, target)) as Uint8Array<ArrayBuffer>);
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    const session = await InferenceSession.create(module);
    expect(session.sha256).toBe(Buffer.from(model.subarray(32, 64)).toString("hex"));
    const codes = randomInputs(graph, seed);
    const values = runReference(integer, codes);
    const shift = (dtype: string) => (dtype === "uint8" ? 128 : 0);
    const feeds = graph.inputs.map(({ name, dtype }, i) => {
      const values = Int8Array.from(codes[i]!);
      return [name, dtype === "uint8" ? Uint8Array.from(values, (code) => code + 128) : values] as const;
    });
    const outputs = session.runSync(Object.fromEntries(feeds));
    for (const { name, tensor, dtype } of integer.outputs) {
      expect(Array.from(outputs[name]!.data)).toEqual(
        Array.from(values[tensor]!, (code) => code + shift(dtype)),
      );
    }
  }
});

test("copies nothing and grows nothing: the memory is the declared one", async () => {
  const { model, layout } = compileGraph(randomGraph(1));
  const module = await WebAssembly.compile((await targetBytes(model, "wasm")) as Uint8Array<ArrayBuffer>);
  const before = ((await WebAssembly.instantiate(module)).exports.memory as WebAssembly.Memory).buffer
    .byteLength;
  const session = await InferenceSession.create(module);
  expect(session.memoryBytes).toBe(before);
  expect(session.memoryBytes).toBeLessThanOrEqual(model.length + layout.peakBytes + 128 * 1024);
});

test("a module without a model, and one whose model was changed, are refused", async () => {
  const plain = await WebAssembly.compile(engineBytes("engine"));
  await expect(InferenceSession.create(plain)).rejects.toThrow(/no model in it/);
  const bytes = await targetBytes(compileGraph(randomGraph(1)).model, "wasm");
  bytes[bytes.length - 1]! ^= 1;
  const changed = await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
  await expect(InferenceSession.create(changed)).rejects.toThrow(
    expect.objectContaining({ code: "CORRUPT" }),
  );
});
