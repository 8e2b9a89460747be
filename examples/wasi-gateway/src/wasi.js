// node src/wasi.js MODEL.dyad [--json]: the WASI command on this process's streams, as wasmtime or wazero would run it.
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { WASI } from "node:wasi";

const [model = "", ...options] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: ["dyadic-wasi", model, ...options],
  preopens: { [dirname(model)]: dirname(model) },
  returnOnExit: true,
});
const file = fileURLToPath(import.meta.resolve("dyadic/dyadic-wasi.wasm"));
const module = await WebAssembly.compile(await readFile(file));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
