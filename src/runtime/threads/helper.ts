// A helper in Node, Deno or Bun: an instance of the engine that computes shares for as long as it lives.
import { parentPort, workerData } from "node:worker_threads";
import type { HelperSetup } from "./session.ts";

const { module, memory } = workerData as HelperSetup;
const { help } = new WebAssembly.Instance(module, { env: { memory } }).exports as { help(): void };
parentPort!.postMessage("ready");
// Every share is a call from here: V8 leaves a loop inside WebAssembly in the code that its baseline compiler made.
for (;;) help();
