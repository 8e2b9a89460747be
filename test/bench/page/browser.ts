// Chromium of the system, and what the scheduler says of its page.
import { readFileSync } from "node:fs";
import type { BrowserType, Page } from "playwright-core";
import { noteMemories } from "../memories.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export interface Browser {
  readonly version: string;
  /** A page in a context of its own, nothing cached, no compiled code kept; close the context, not the page alone. */
  newPage(url: string): Promise<Page>;
  /**
   * A page in a context of its own that the driver does not watch: a report of every request and of every piece of a body
   * to the driver takes milliseconds of the browser. Returns how to close it.
   */
  openAlone(url: string): Promise<() => Promise<unknown>>;
  /** Peak of the resident memory of the open page's process since it began, in bytes; no other page may be open. */
  peakRssBytes(): Promise<number>;
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
  const renderers = async () => {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    return processInfo.filter(({ type }) => type === "renderer");
  };
  return {
    version: browser.version(),
    async newPage(url) {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.addInitScript(noteMemories);
      await page.goto(url);
      return page;
    },
    async openAlone(url) {
      const context = await session.send("Target.createBrowserContext");
      await session.send("Target.createTarget", { url, ...context });
      return () => session.send("Target.disposeBrowserContext", context);
    },
    async peakRssBytes() {
      const peaks = (await renderers()).map(({ id }) => {
        const status = readFileSync(`/proc/${id}/status`, "utf8");
        return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
      });
      return Math.max(...peaks); // of the page that is open: others are spare, and empty
    },
    async waitedMs() {
      const { id } = (await renderers()).reduce((most, next) => (next.cpuTime > most.cpuTime ? next : most));
      // "run time, time waited on the run queue, slices", in ns; a process's main thread has the process's id
      const path = `/proc/${id}/task/${id}/schedstat`;
      return () => `${Number(readFileSync(path, "utf8").split(" ")[1]) / 1e6}`;
    },
    close: () => browser.close(),
  };
}
