// Folders served under a strict content security policy, opened in real browsers.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import playwright from "playwright-core";
import puppeteer from "puppeteer-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
/** What a server sends so that pages may share memory among threads. */
export const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const WAIT_MS = 120_000;
/** Where Firefox puts what it is told to download. */
const DOWNLOADS = mkdtempSync(join(tmpdir(), "dyadic-downloads-"));
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
};

/** What a test does on a page, in either browser; expressions are JavaScript of the page. */
export interface BrowserPage {
  evaluate(expression: string): Promise<unknown>;
  waitFor(expression: string): Promise<void>;
  /** Drags the mouse over an element, along points relative to its corner. */
  draw(selector: string, points: readonly (readonly [x: number, y: number])[]): Promise<void>;
  /** Gives an element the focus and presses keys. */
  press(selector: string, keys: readonly string[]): Promise<void>;
  upload(selector: string, ...files: readonly string[]): Promise<void>;
  /** Follows a link that gives a file; what was in it. */
  download(selector: string): Promise<Uint8Array>;
  screenshot(path: string): Promise<void>;
  /** Heap and buffers behind a collection; NaN where the browser does not tell (Firefox). */
  memoryBytes(): Promise<number>;
}

/** Both browsers, open for many pages. */
export class Browsers {
  private readonly chromium: playwright.Browser;
  private readonly firefox: Awaited<ReturnType<typeof puppeteer.launch>>;

  private constructor(chromium: playwright.Browser, firefox: Browsers["firefox"]) {
    this.chromium = chromium;
    this.firefox = firefox;
  }

  static async open(options: readonly string[] = []): Promise<Browsers> {
    const args = ["--no-sandbox", "--disable-gpu", ...options];
    const chromium = await playwright.chromium.launch({ executablePath: CHROMIUM, args });
    const firefox = await puppeteer.launch({
      browser: "firefox",
      executablePath: FIREFOX,
      headless: true,
      extraPrefsFirefox: {
        "browser.download.folderList": 2, // a folder of ours
        "browser.download.dir": DOWNLOADS,
        "browser.download.alwaysOpenPanel": false, // it would take the keyboard
      },
    });
    return new Browsers(chromium, firefox);
  }

  async close(): Promise<void> {
    await this.chromium.close();
    await this.firefox.close();
  }

  /** Opens a page of a folder in each browser, and acts there. */
  async visit(
    folder: string,
    path: string,
    action: (page: BrowserPage, name: "chromium" | "firefox") => Promise<void>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const { url, close } = await served(folder, headers);
    try {
      await this.openPage(`${url}${path}`, action);
    } finally {
      close();
    }
  }

  /** Opens a page in each browser, and acts there. */
  async openPage(
    url: string,
    action: (page: BrowserPage, name: "chromium" | "firefox") => Promise<void>,
  ): Promise<void> {
    const chromium = await this.chromium.newPage({ viewport: { width: 1000, height: 700 } });
    const problems: string[] = [];
    chromium.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await chromium.goto(url);
    await action(inPlaywright(chromium), "chromium").catch((error) => {
      throw new Error(`in Chromium: ${error}; its console says: ${problems.join("; ")}`, { cause: error });
    });
    await chromium.close();
    const firefox = await this.firefox.newPage();
    await firefox.setViewport({ width: 1000, height: 700 });
    await firefox.goto(url);
    await action(inPuppeteer(firefox), "firefox").catch((error) => {
      throw new Error(`in Firefox: ${error}`, { cause: error });
    });
    await firefox.close();
  }

  /** What the page's script left in `document.title`, in each browser. */
  async titles(
    folder: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Record<string, unknown>> {
    const titles: Record<string, unknown> = {};
    const keepTitle = async (page: BrowserPage, name: string) => {
      await page.waitFor("/^(done|error) /.test(document.title)");
      titles[name] = await page.evaluate("document.title");
    };
    await this.visit(folder, "", keepTitle, headers);
    return titles;
  }
}

function inPlaywright(page: playwright.Page): BrowserPage {
  return {
    evaluate: (expression) => page.evaluate(expression),
    waitFor: (expression) => until(() => page.evaluate(expression), expression),
    draw: async (selector, points) => drag(page.mouse, (await page.locator(selector).boundingBox())!, points),
    press: async (selector, keys) => {
      await page.focus(selector);
      for (const key of keys) await page.keyboard.press(key);
    },
    upload: (selector, ...files) => page.setInputFiles(selector, files),
    download: async (selector) => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.click(selector)]);
      return readFileSync(await download.path());
    },
    screenshot: async (path) => void (await page.screenshot({ path })),
    memoryBytes: () => heapBytes(page),
  };
}

function inPuppeteer(page: puppeteer.Page): BrowserPage {
  return {
    evaluate: (expression) => page.evaluate(expression),
    waitFor: (expression) => until(() => page.evaluate(expression), expression),
    draw: async (selector, points) =>
      drag(page.mouse, (await (await page.$(selector))!.boundingBox())!, points),
    press: async (selector, keys) => {
      await page.focus(selector);
      for (const key of keys) await page.keyboard.press(key as puppeteer.KeyInput);
    },
    upload: async (selector, ...files) => {
      const input = (await page.$(selector)) as puppeteer.ElementHandle<HTMLInputElement>;
      await input.uploadFile(...files);
    },
    download: async (selector) => {
      rmSync(DOWNLOADS, { recursive: true, force: true });
      await page.click(selector);
      const name = await page.$eval(selector, (link) => (link as HTMLAnchorElement).download);
      const file = join(DOWNLOADS, name);
      await until(async () => existsSync(file) && statSync(file).size > 0, `${name} is downloaded`);
      return readFileSync(file);
    },
    screenshot: async (path) => void (await page.screenshot({ path: path as `${string}.png` })),
    memoryBytes: async () => Number.NaN,
  };
}

interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize?: number;
  readonly backingStorageSize?: number;
}

async function heapBytes(page: playwright.Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const usage: HeapUsage = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usage.usedSize + (usage.embedderHeapUsedSize ?? 0) + (usage.backingStorageSize ?? 0);
}

/** What axe finds wrong with a page: rules, and the elements that break them. */
export async function violations(page: BrowserPage): Promise<unknown> {
  await page.evaluate(readFileSync("node_modules/axe-core/axe.min.js", "utf8"));
  return page.evaluate(
    "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join()))",
  );
}

/** The drivers' own waiting evaluates text in the page, which the policy forbids there. */
async function until(holds: () => Promise<unknown>, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Mouse {
  move(x: number, y: number, options: { steps: number }): Promise<void>;
  down(): Promise<void>;
  up(): Promise<void>;
}

async function drag(
  mouse: Mouse,
  { x, y }: { x: number; y: number },
  points: readonly (readonly [x: number, y: number])[],
): Promise<void> {
  const [first, ...rest] = points;
  await mouse.move(x + first![0], y + first![1], { steps: 1 });
  await mouse.down();
  for (const [dx, dy] of rest) await mouse.move(x + dx, y + dy, { steps: 10 });
  await mouse.up();
}

async function served(
  folder: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    const path = join(folder, normalize(request.url === "/" ? "/index.html" : request.url!));
    if (!existsSync(path)) return void response.writeHead(404).end();
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-security-policy": POLICY, ...headers });
    response.end(readFileSync(path));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}
