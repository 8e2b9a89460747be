// A helper in a browser's worker: an instance of the engine that computes shares for as long as it lives.
import type { HelperSetup } from "./session.ts";

addEventListener("message", ({ data: { module, memory } }: MessageEvent<HelperSetup>) => {
  const { help } = new WebAssembly.Instance(module, { env: { memory } }).exports as { help(): void };
  postMessage("ready");
  // Every share is a call from here: V8 leaves a loop inside WebAssembly in the code that its baseline compiler made.
  for (;;) help();
});
