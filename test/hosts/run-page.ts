// In a browser: the page's function `runBuild`, which a driver calls.
import { runModels } from "./run-models.ts";
import { runSessions } from "./run-sessions.ts";

async function fetched(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: status ${response.status}`);
  return response;
}

Object.assign(globalThis, {
  runBuild: async (wasm: string, directory: string) => {
    const read = async (name: string) =>
      new Uint8Array(await (await fetched(`${directory}/${name}`)).arrayBuffer());
    if (wasm.endsWith("/engine-threads.wasm")) {
      return runSessions(await import(`${location.origin}/dist/src/runtime/threads/browser.js`), read);
    }
    return runModels(await WebAssembly.compileStreaming(fetched(wasm)), read);
  },
});
