// A Worker as it is deployed: bundled by `wrangler deploy --dry-run`, then served by the real workerd.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import type { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { app, execute, WORKERD } from "./tarball.ts";

const WRANGLER = join(import.meta.dirname, "node_modules/wrangler/bin/wrangler.js");
const KINDS: Record<string, string> = { ".js": "esModule", ".wasm": "wasm", ".dyad": "data", ".bin": "data" };
const TICKS_A_SECOND = 100; // USER_HZ of Linux
const CONFIGURATION = `{
  "main": "worker.js",
  "compatibility_date": "2026-07-01",
  "rules": [{ "type": "Data", "globs": ["**/*.dyad", "**/*.bin"], "fallthrough": true }]
}`;

/** What a deploy would upload. */
export interface Deployment {
  readonly folder: string;
  readonly scriptBytes: number;
  readonly gzipBytes: number;
}

/** Bundles a Worker; its main module is worker.js. */
export function deploy(name: string, files: Readonly<Record<string, string>>): Deployment {
  const place = app(name, { ...files, "wrangler.json": CONFIGURATION });
  const outdir = join(place, "out");
  process.env.WRANGLER_SEND_METRICS = "false";
  execute(process.execPath, [WRANGLER, "deploy", "--dry-run", "--name", name, "--outdir", outdir], place);
  const bytes = modulesOf(outdir).map((module) => readFileSync(join(outdir, module)));
  const all = Buffer.concat(bytes);
  return { folder: outdir, scriptBytes: all.length, gzipBytes: gzipSync(all).length };
}

/** The main module first, as the configuration wants it. */
function modulesOf(folder: string): string[] {
  const modules = readdirSync(folder).filter((file) => KINDS[extname(file)] !== undefined);
  return modules.sort((a, b) => Number(b === "worker.js") - Number(a === "worker.js"));
}

/** Bytes of an isolate, as V8 counts them. */
interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize: number;
  readonly backingStorageSize: number;
}

/** A running Worker. */
export class Served {
  readonly url: string;
  private readonly child: ChildProcess;
  private readonly inspector: string | undefined;

  constructor(url: string, child: ChildProcess, inspector?: string) {
    this.url = url;
    this.child = child;
    this.inspector = inspector;
  }

  /** Heap and buffers of the Worker's isolate, without WebAssembly memories. It must be served with an inspector. */
  async heapBytes(): Promise<number> {
    const socket = new WebSocket(`${this.inspector}main`);
    const next = (event: string) =>
      new Promise<Event>((resolve, reject) => {
        socket.addEventListener(event, resolve, { once: true });
        socket.addEventListener("error", () => reject(new Error(`no inspector at ${this.inspector}`)));
      });
    await next("open");
    socket.send(JSON.stringify({ id: 1, method: "Runtime.getHeapUsage" }));
    const { result } = JSON.parse(((await next("message")) as MessageEvent).data) as { result: HeapUsage };
    socket.close();
    return result.usedSize + result.embedderHeapUsedSize + result.backingStorageSize;
  }

  /** CPU time of the whole process so far, in milliseconds. */
  get cpuMs(): number {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_A_SECOND;
  }

  /** At once: asked politely, workerd waits for connections that are kept alive, its inspector's too. */
  stop(): void {
    this.child.kill("SIGKILL");
  }
}

/** Serves what a deploy would upload, on a free port that workerd tells on descriptor 3; with an inspector for its memory. */
export function serve({ folder }: Deployment, inspected = false): Promise<Served> {
  const modules = modulesOf(folder).map(
    (file) => `(name = "${file}", ${KINDS[extname(file)]} = embed "${file}"),`,
  );
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (modules = [${modules.join("\n")}], compatibilityDate = "2026-07-01"))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`,
  );
  const options = ["--control-fd=3", ...(inspected ? ["--inspector-addr=127.0.0.1:0"] : [])];
  const child = spawn(WORKERD, ["serve", join(folder, "config.capnp"), ...options], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  return new Promise((resolve, reject) => {
    let [text, problems] = ["", ""];
    child.stderr?.on("data", (chunk: Buffer) => {
      problems += chunk;
    });
    (child.stdio[3] as Readable).on("data", (chunk: Buffer) => {
      text += chunk;
      const port = /"socket":"http","port":(\d+)/.exec(text)?.[1];
      const inspector = /"listen-inspector","port":(\d+)/.exec(text)?.[1];
      if (port === undefined || (inspected && inspector === undefined)) return;
      resolve(new Served(`http://127.0.0.1:${port}/`, child, `ws://127.0.0.1:${inspector}/`));
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`workerd ended with code ${code}: ${problems}`)));
  });
}
