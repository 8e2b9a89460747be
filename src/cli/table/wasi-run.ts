// node wasi-run.js DIRECTORY COMMAND.wasm ARGUMENTS...: a WASI command in Node, with one directory open as its root.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const [directory = ".", command = "", ...args] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: [command, ...args],
  preopens: { "/": directory },
  returnOnExit: false,
});
const module = await WebAssembly.compile(new Uint8Array(readFileSync(command)));
wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject() as WebAssembly.Imports));
