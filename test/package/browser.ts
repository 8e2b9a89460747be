// An app's folder served under a strict content security policy, opened in a real browser.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import playwright from "playwright-core";
import puppeteer from "puppeteer-core";

export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'";
const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

const isDone = () => document.title.startsWith("done ") || document.title.startsWith("error ");

/** Both browsers, open for many pages. */
export class Browsers {
  private readonly chromium: playwright.Browser;
  private readonly firefox: Awaited<ReturnType<typeof puppeteer.launch>>;

  private constructor(chromium: playwright.Browser, firefox: Browsers["firefox"]) {
    this.chromium = chromium;
    this.firefox = firefox;
  }

  static async open(): Promise<Browsers> {
    const args = ["--no-sandbox", "--disable-gpu"];
    const chromium = await playwright.chromium.launch({ executablePath: CHROMIUM, args });
    const firefox = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, headless: true });
    return new Browsers(chromium, firefox);
  }

  async close(): Promise<void> {
    await this.chromium.close();
    await this.firefox.close();
  }

  /** What the page's script left in `document.title`, in each browser. */
  async titles(folder: string): Promise<{ chromium: string; firefox: string }> {
    const server = createServer((request, response) => {
      const path = join(folder, normalize(request.url === "/" ? "/index.html" : request.url!));
      if (!existsSync(path)) return void response.writeHead(404).end();
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, "content-security-policy": POLICY });
      response.end(readFileSync(path));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    try {
      return { chromium: await this.inChromium(url), firefox: await this.inFirefox(url) };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  private async inChromium(url: string): Promise<string> {
    const page = await this.chromium.newPage();
    const problems: string[] = [];
    page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
    await page.goto(url);
    await page.waitForFunction(isDone, undefined, { timeout: 20_000 }).catch(() => {
      throw new Error(`no result in Chromium: ${problems.join("; ")}`);
    });
    const title = await page.title();
    await page.close();
    return title;
  }

  private async inFirefox(url: string): Promise<string> {
    const page = await this.firefox.newPage();
    await page.goto(url);
    await page.waitForFunction(isDone, { timeout: 20_000 });
    const title = await page.title();
    await page.close();
    return title;
  }
}
