// Chromium and Firefox of the system, on a page of their own; one browser process a build.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, relative } from "node:path";
import playwright from "playwright-core";
import puppeteer from "puppeteer-core";
import {
  ENGINES,
  type EngineReport,
  type Host,
  type MissingHost,
  output,
  RELAXED_ENGINE,
  THREADS_ENGINE,
} from "./hosts.ts";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const ROOT = "../..";
const TYPES: Record<string, string> = {
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};
/** Pages with them may share memory among threads. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};
const PAGE = `<!doctype html><script type="module" src="/test/hosts/build/run-page.mjs"></script>`;

/** What the two drivers have in common: a page whose function runs a build. */
interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T>(
    run: (args: readonly [string, string]) => Promise<T>,
    args: readonly [string, string],
  ): Promise<T>;
}

export function browserHosts(): (Host | MissingHost)[] {
  return [
    browser("Chromium", CHROMIUM, async (use) => {
      const args = ["--no-sandbox", "--disable-gpu"];
      const browser = await playwright.chromium.launch({ executablePath: CHROMIUM, args });
      return use(await browser.newPage(), () => browser.close());
    }),
    browser("Firefox", FIREFOX, async (use) => {
      const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true });
      return use((await browser.newPage()) as Page, () => browser.close());
    }),
  ];
}

type Use = (page: Page, close: () => Promise<void>) => Promise<EngineReport>;

function browser(
  name: string,
  program: string,
  open: (use: Use) => Promise<EngineReport>,
): Host | MissingHost {
  if (!existsSync(program)) return { name, reason: `no ${program}: .ci/run installs it` };
  const version = /[\d.]+(esr)?/.exec(output(program, ["--version"]))?.[0] ?? "";
  const run = (build: string, directory: string) =>
    served((base) =>
      open(async (page, close) => {
        try {
          await page.goto(`${base}/`);
          return await page.evaluate(runOnPage, [
            `${base}/assembly/build/${build}.wasm`,
            `${base}/${relative(ROOT, directory)}`,
          ]);
        } finally {
          await close();
        }
      }),
    );
  return { name, version, builds: [...ENGINES, RELAXED_ENGINE, THREADS_ENGINE], run };
}

/** Runs in the page; the module that defines the function may come after the call. */
async function runOnPage([wasm, directory]: readonly [string, string]): Promise<EngineReport> {
  const page = globalThis as unknown as {
    runBuild?: (wasm: string, directory: string) => Promise<EngineReport>;
  };
  while (page.runBuild === undefined) await new Promise((resolve) => setTimeout(resolve, 10));
  return page.runBuild(wasm, directory);
}

/** Serves the repository on this machine alone while `action` runs. */
async function served<T>(action: (base: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    const path = normalize(request.url ?? "/");
    if (path === "/")
      return void response.writeHead(200, { ...ISOLATED, "content-type": "text/html" }).end(PAGE);
    const file = join(ROOT, path);
    if (!existsSync(file)) return void response.writeHead(404).end();
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { ...ISOLATED, "content-type": type }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await action(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
