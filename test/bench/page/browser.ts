// Chromium of the system, and what the scheduler says of its page.
import { readFileSync } from "node:fs";
import type { BrowserType, Page } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export interface Browser {
  readonly version: string;
  /** A page in a context of its own, nothing cached, no compiled code kept; close the context, not the page alone. */
  newPage(url: string): Promise<Page>;
  /** Reads how long the main thread of the busiest page has waited for a core since it began, in milliseconds. */
  waitedMs(): Promise<() => string>;
  close(): Promise<void>;
}

export async function openBrowser(chromium: BrowserType): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const session = await browser.newBrowserCDPSession();
  return {
    version: browser.version(),
    async newPage(url) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.addInitScript(noteMemories);
      await page.goto(url);
      return page;
    },
    async waitedMs() {
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      const renderers = processInfo.filter(({ type }) => type === "renderer");
      const { id } = renderers.reduce((most, next) => (next.cpuTime > most.cpuTime ? next : most));
      // "run time, time waited on the run queue, slices", in ns; a process's main thread has the process's id
      const path = `/proc/${id}/task/${id}/schedstat`;
      return () => `${Number(readFileSync(path, "utf8").split(" ")[1]) / 1e6}`;
    },
    close: () => browser.close(),
  };
}

/** Runs in the page before its scripts: `wasmMemoryBytes()` sums all wasm memories made or exported since. */
function noteMemories(): void {
  const { Memory, Instance, instantiate, instantiateStreaming } = WebAssembly;
  const memories = new Set<WebAssembly.Memory>();
  const note = (instance: WebAssembly.Instance) => {
    for (const value of Object.values(instance.exports)) if (value instanceof Memory) memories.add(value);
  };
  const noted = <T extends WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource>(
    result: T,
  ): T => {
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
    instantiate: async (...args: Parameters<typeof instantiate>) => noted(await instantiate(...args)),
    instantiateStreaming: async (...args: Parameters<typeof instantiateStreaming>) =>
      noted(await instantiateStreaming(...args)),
  };
  Object.assign(WebAssembly, patched);
  const wasmMemoryBytes = () => [...memories].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  Object.assign(globalThis, { wasmMemoryBytes });
}
