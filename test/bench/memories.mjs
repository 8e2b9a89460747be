// Sums the wasm memories of a process or a page. Plain JavaScript: its text also runs in pages, before their own scripts.

/** From now on `wasmMemoryBytes()` sums all wasm memories made or exported since. */
export function noteMemories() {
  const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;
  const memories = new Set();
  const note = (instance) => {
    for (const value of Object.values(instance.exports)) if (value instanceof Memory) memories.add(value);
  };
  const noted = (result) => {
    note(result instanceof Instance ? result : result.instance);
    return result;
  };
  const patched = {
    Memory: new Proxy(Memory, {
      construct(target, args) {
        const memory = Reflect.construct(target, args);
        memories.add(memory);
        return memory;
      },
    }),
    Instance: new Proxy(Instance, {
      construct: (target, args) => noted(Reflect.construct(target, args)),
    }),
    instantiate: async (...args) => noted(await instantiate(...args)),
    instantiateStreaming: async (...args) => noted(await instantiateStreaming(...args)),
  };
  Object.assign(WebAssembly, patched);
  const wasmMemoryBytes = () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  Object.assign(globalThis, { wasmMemoryBytes });
}
