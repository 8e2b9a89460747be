// In Node, Deno and Bun: run-threads.mjs ENGINE.wasm MANIFEST.json runs every model on several threads, as the package does.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { runSessions, type ThreadsEntry } from "./run-sessions.ts";

const [, manifest = ""] = process.argv.slice(2);
const dist = new URL("../../../dist/src/runtime/threads/node.js", import.meta.url).href;
const report = await runSessions((await import(dist)) as ThreadsEntry, async (name) => {
  return new Uint8Array(readFileSync(join(dirname(manifest), name)));
});
console.log(JSON.stringify(report));
