// In a JavaScript host: run-command.mjs COMMAND.wasm DIRECTORY ARGUMENTS runs the WASI command on this process's streams.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [wasm = "", directory = "", ...args] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: ["dyadic-wasi", ...args],
  preopens: { "/": directory },
  returnOnExit: true,
});
const module = await WebAssembly.compile(new Uint8Array(readFileSync(wasm)));
const imports = { wasi_snapshot_preview1: wasi.wasiImport } as WebAssembly.Imports; // Bun has no getImportObject
const instance = await WebAssembly.instantiate(module, imports);
process.exitCode = wasi.start(instance) as unknown as number;
