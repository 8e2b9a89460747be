// calibrator.wasm in Node, Deno and Bun: from the package's files.
import { readFile } from "node:fs/promises";

let compiled: Promise<WebAssembly.Module> | undefined;

/** The compiled calibrator; compiled once a process. */
export function calibratorModule(): Promise<WebAssembly.Module> {
  compiled ??= readFile(new URL("../../assembly/build/calibrator.wasm", import.meta.url)).then((bytes) =>
    WebAssembly.compile(new Uint8Array(bytes)),
  );
  return compiled;
}
