// Serves the page's code, the packages, the engines and the models to one browser of this machine; nothing is cached,
// and the page is not isolated (no COOP, no COEP), as most pages are.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const DIRECTORIES: Readonly<Record<string, string>> = {
  packages: join(HERE, "../node_modules"),
  assembly: join(HERE, "../../../assembly"),
};
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  "": "text/html",
};
const IMPORTS = { imports: { "onnxruntime-web": "/packages/onnxruntime-web/dist/ort.wasm.bundle.min.mjs" } };

/** A page that asks for nothing by itself; `script` is what its body runs. */
export function html(script = ""): string {
  const head = `<link rel="icon" href="data:,"><script type="importmap">${JSON.stringify(IMPORTS)}</script>`;
  return `<!doctype html>${head}<body><script>${script}</script></body>`;
}

/** Only change made to a peer: LiteRT.js 2.5.3 refuses INT8 tensors for want of one entry in its table of types. */
const INT8_TENSORS: Plugin = {
  name: "int8-tensors",
  setup({ onLoad }) {
    onLoad({ filter: /@litertjs\/core\/dist\/index\.js$/ }, ({ path }) => {
      const [source, table] = [readFileSync(path, "utf8"), "var DATATYPES = Object.freeze(["];
      if (source.split(table).length !== 2) throw new Error(`${path}: no single table of types`);
      const entry = '{ dtype: "int8", typedArrayConstructor: Int8Array, elementType: ElementType.INT8 },';
      return { contents: source.replace(table, table + entry) };
    });
  },
};

/** Minified bundles by name: the page's code, the cold starts, and LiteRT.js. */
async function bundles(): Promise<Map<string, Uint8Array>> {
  const own = ["run", "cold-dyadic", "cold-litert", "cold-onnxruntime-web", "cold-tfjs-tflite"];
  const { outputFiles } = await build({
    entryPoints: [
      ...own.map((name) => ({ in: join(HERE, `${name}.ts`), out: name })),
      { in: "@litertjs/core", out: "litert" },
    ],
    absWorkingDir: join(HERE, ".."),
    outdir: "/bundles",
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "esnext",
    external: ["onnxruntime-web", "node:*"],
    plugins: [INT8_TENSORS],
    logLevel: "warning",
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

export interface Served {
  readonly path: string;
  readonly body: Uint8Array;
}

export interface Site {
  readonly base: string;
  /** Answers besides those of the files: a body made at every request. */
  readonly answers: Map<string, () => Uint8Array | string>;
  /** What was served since the last call. */
  served(): Served[];
  /** The next JSON that a page posts, to any path. */
  posted(): Promise<unknown>;
  close(): void;
}

export async function openSite(): Promise<Site> {
  const code = await bundles();
  const answers: Site["answers"] = new Map();
  let log: Served[] = [];
  let posted: (value: unknown) => void = () => {};
  const files = new Map<string, Uint8Array>(); // read once: a start should not wait for this server
  const bodyOf = (path: string): Uint8Array | null => {
    const answer = answers.get(path)?.() ?? (path === "/" ? html() : undefined);
    if (answer !== undefined) return typeof answer === "string" ? Buffer.from(answer) : answer;
    const [, root = "", ...rest] = path.split("/");
    const directory = DIRECTORIES[root];
    if (directory === undefined || rest.includes("..")) return code.get(path) ?? null;
    const file = join(directory, ...rest);
    if (!files.has(file) && existsSync(file)) files.set(file, readFileSync(file));
    return files.get(file) ?? null;
  };
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      text(request).then((body) => posted(JSON.parse(body)));
      return void response.end();
    }
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const body = bodyOf(pathname);
    if (body === null) return void response.writeHead(404).end();
    log.push({ path: pathname, body });
    const type = TYPES[extname(pathname)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    served() {
      const since = log;
      log = [];
      return since;
    },
    posted: () => new Promise((resolve) => (posted = resolve)),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
