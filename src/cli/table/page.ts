// A browser as a host: whichever opens the page that is served here measures, and posts what it found.
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, normalize } from "node:path";
import { DyadicError } from "../../error.ts";
import type { Build } from "../../runtime/builds.ts";
import type { Host, Measured, Progress } from "./job.ts";

/** Compiled modules of this package, which the page imports one by one. */
const DIST = new URL("../../../", import.meta.url);
const CLIENT = "/src/cli/table/page-client.js";
const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };
/** An isolated page has a finer clock. */
const HEADERS = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cache-control": "no-store",
};
const HTML = `<!doctype html><title>Dyadic measures</title><link rel="icon" href="data:,"><p id="state">...</p><script type="module" src="${CLIENT}"></script>`;

/** What the page asks for next. */
export interface PageJob {
  readonly build: Build;
  readonly models: number;
  readonly protocol: unknown;
}

/** What the page says of itself first. */
interface Hello {
  readonly userAgent: string;
  readonly builds: readonly Build[];
}

/** The one job at a time, and who waits for its answer. */
interface Pending {
  readonly job: PageJob;
  readonly files: readonly Uint8Array[];
  readonly progress: Progress;
  resolve(measured: Measured): void;
  reject(error: Error): void;
}

/** Serves the page on this machine alone and waits until a browser opens it. */
export async function openPage(say: (text: string) => void): Promise<Host> {
  let pending: Pending | undefined;
  let finished = false;
  let greet: (hello: Hello) => void;
  const greeted = new Promise<Hello>((resolve) => {
    greet = resolve;
  });
  const posts: Readonly<Record<string, (body: string) => void>> = {
    "/hello": (body) => greet(JSON.parse(body)),
    "/progress": (body) => pending?.progress(body),
    "/failed": (body) => pending?.reject(failure(body)),
    "/measured": (body) => pending?.resolve(JSON.parse(body)),
  };
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://page").pathname;
    if (request.method === "POST") {
      posts[path]?.(await bodyOf(request));
      response.writeHead(204, HEADERS).end();
    } else if (path === "/job") {
      answer(response, ".json", JSON.stringify(finished ? null : (pending?.job ?? {})));
    } else if (path.startsWith("/model/")) {
      answer(response, "", pending?.files[Number(path.slice("/model/".length))] ?? "");
    } else {
      serve(response, path);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  say(`open http://127.0.0.1:${(server.address() as AddressInfo).port}/ in the browser that shall measure\n`);
  const { userAgent, builds } = await greeted;
  return {
    kind: "page",
    version: userAgent,
    builds,
    method: "steps in whole runs, between two readings of the page's clock, whose errors cancel in sums",
    measure(build, models, protocol, progress) {
      const files = models.map(({ bytes }) => bytes);
      return new Promise<Measured>((resolve, reject) => {
        const job = { build, models: files.length, protocol };
        pending = { job, files, progress, resolve, reject };
      }).finally(() => {
        pending = undefined;
      });
    },
    async close() {
      finished = true; // the page asks once more, and stops
      await new Promise((resolve) => setTimeout(resolve, 1000));
      server.closeAllConnections();
      server.close();
    },
  };
}

function failure(found: string): DyadicError {
  return new DyadicError("UNSUPPORTED_HOST", "the page could not measure", { found });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

function answer(response: ServerResponse, extension: string, body: string | Uint8Array): void {
  const type = TYPES[extension] ?? "application/octet-stream";
  response.writeHead(200, { ...HEADERS, "content-type": type }).end(body);
}

/** The page itself, and modules of this package. */
function serve(response: ServerResponse, path: string): void {
  if (path === "/") {
    response.writeHead(200, { ...HEADERS, "content-type": "text/html" }).end(HTML);
    return;
  }
  const own = /^\/(src|assembly)\/[\w./-]+\.(js|wasm)$/.test(path) && normalize(path) === path;
  try {
    if (!own) throw new Error("not of this package");
    answer(response, extname(path), readFileSync(new URL(path.slice(1), DIST)));
  } catch {
    response.writeHead(404, HEADERS).end();
  }
}
