// Cold start: a fresh page, nothing cached; runtime and model requested together, compiled and loaded, one inference.

import { type Bytes, sizes } from "../bytes.ts";
import { noteMemories } from "../memories.mjs";
import type { Browser } from "./browser.ts";
import type { Runtime, StreamingRuntime } from "./runtime.ts";
import { html, type Served, type Site } from "./server.ts";

interface ColdFiles {
  readonly bundle: string;
  readonly model: string;
  /** What the runtime will ask for, preloaded from the start: scripts, modules, and what it fetches. */
  readonly preload?: Readonly<Partial<Record<"script" | "modulepreload" | "fetch", readonly string[]>>>;
  /** An engine that is fetched and compiled from the start, for a runtime that takes a compiled one. */
  readonly compile?: string;
  /** The runtime takes the model while it arrives; others get its bytes when all are there. */
  readonly streams?: boolean;
  /** Everything is fetched, and nothing done with it. */
  readonly unused?: boolean;
}

const ENGINE = "/assembly/build/engine-relaxed.wasm";
const LITERT = "/packages/@litertjs/core/wasm/litert_wasm_internal";
const TFLITE = "/packages/@tensorflow/tfjs-tflite/wasm/tflite_web_api";
const ONNX = "/packages/onnxruntime-web/dist/";

/**
 * All files of every runtime; tfjs-backend-wasm has no file of these networks to fetch. The first two are the floor: what
 * the browser takes for a script and two files of one byte, and for Dyadic's files when nothing is done with them.
 */
const SUBJECTS: Readonly<Record<string, ColdFiles>> = {
  "(empty files)": { bundle: "empty", model: "empty", preload: { fetch: ["/bundles/empty"] }, unused: true },
  "(dyadic's files)": {
    bundle: "cold-dyadic",
    model: "model.dyad",
    preload: { fetch: [ENGINE] },
    unused: true,
  },
  dyadic: { bundle: "cold-dyadic", model: "model.dyad", compile: ENGINE, streams: true },
  "LiteRT.js": {
    bundle: "cold-litert",
    model: "model.tflite",
    preload: {
      modulepreload: ["/bundles/litert.js?relaxed"],
      script: [`${LITERT}.js`],
      fetch: [`${LITERT}.wasm`],
    },
  },
  "tfjs-tflite": {
    bundle: "cold-tfjs-tflite",
    model: "model.tflite",
    preload: { script: [`${TFLITE}_client.js`, `${TFLITE}_cc_simd.js`], fetch: [`${TFLITE}_cc_simd.wasm`] },
  },
  "onnxruntime-web int8": {
    bundle: "cold-onnxruntime-web",
    model: "model.onnx",
    preload: {
      modulepreload: [`${ONNX}ort.wasm.bundle.min.mjs`],
      fetch: [`${ONNX}ort-wasm-simd-threaded.wasm`],
    },
  },
};

/** One start, in milliseconds from the request for the runtime's code. */
export interface Start {
  readonly runtimeMs: number;
  readonly modelMs: number;
  readonly firstRunMs: number;
  readonly totalMs: number;
}

export interface ColdSubject {
  readonly name: string;
  readonly starts: readonly Start[];
  /** All code: JavaScript and wasm. */
  readonly code: Bytes;
  readonly model: Bytes;
  readonly wasmMemoryBytes: number;
  /** Least peak of a page's process over that of a blank page. */
  readonly peakRssBytes: number;
}

export interface ColdResult {
  readonly name: string;
  readonly subjects: readonly ColdSubject[];
}

/** Starts all runtimes in turns, `starts` times each. */
export async function coldStarts(
  browser: Browser,
  site: Site,
  { name, unsigned }: { name: string; unsigned: boolean },
  starts: number,
): Promise<ColdResult> {
  const states = Object.entries(SUBJECTS).map(([subject, files]) => {
    return {
      subject,
      files,
      starts: [] as Start[],
      served: [] as Served[],
      wasmMemoryBytes: 0,
      peaks: [] as number[],
    };
  });
  const blank: number[] = [];
  site.answers.set("/bundles/empty.js", () => "export {}");
  for (const path of ["/bundles/empty", `/models/${name}/empty`]) site.answers.set(path, () => " ");
  for (let round = 0; round < starts; round++) {
    blank.push((await openPage(browser, site, `fetch("/", { method: "POST", body: "{}" })`)).peakRssBytes);
    for (const state of states) {
      const { model } = state.files;
      const given: Given = {
        files: state.files,
        directory: `/models/${name}/`,
        input: unsigned || model === "model.onnx" ? "input-uint8" : "input-int8",
      };
      site.served();
      const { posted, peakRssBytes } = await openPage(
        browser,
        site,
        `(${startInPage})(${JSON.stringify(given)})`,
      );
      const { start, bytes, error } = posted as Started;
      if (error !== undefined) throw new Error(`${state.subject}: ${error}`);
      state.starts.push(start);
      state.served = distinct(site.served());
      state.wasmMemoryBytes = bytes;
      state.peaks.push(peakRssBytes);
    }
  }
  const subjects = states.map(({ subject, served, starts: all, wasmMemoryBytes, peaks }) => {
    const bodies = (wanted: (path: string) => boolean) =>
      sizes(served.filter(({ path }) => wanted(path)).map(({ body }) => body));
    return {
      name: subject,
      starts: all,
      code: bodies((path) => !path.startsWith("/models/") && path !== "/start"),
      model: bodies((path) => path.startsWith("/models/") && !path.includes("/input-")),
      wasmMemoryBytes,
      peakRssBytes: Math.min(...peaks) - Math.min(...blank),
    };
  });
  return { name, subjects };
}

/** Opens a page that does as the script says, and posts what came of it. */
async function openPage(browser: Browser, site: Site, script: string) {
  site.answers.set("/start", () => html(`(${noteMemories})(); ${script}`));
  const answer = site.posted();
  const close = await browser.openAlone(`${site.base}/start`);
  const posted = await answer;
  const peakRssBytes = await browser.peakRssBytes();
  await close();
  return { posted, peakRssBytes };
}

interface Given {
  readonly files: ColdFiles;
  readonly directory: string;
  readonly input: string;
}

interface Started {
  readonly start: Start;
  readonly bytes: number;
  readonly error?: string;
}

/** Runs in the page, by its text. The page is at rest, and the input is there, before the clock starts. */
async function startInPage({ files, directory, input }: Given): Promise<void> {
  const body = async (url: string) => (await fetch(url)).arrayBuffer();
  const post = (result: unknown) => fetch("/", { method: "POST", body: JSON.stringify(result) });
  const preload = (href: string, kind: string) => {
    const link = document.createElement("link");
    link.rel = kind === "modulepreload" ? kind : "preload";
    if (kind !== "modulepreload") link.as = kind;
    if (kind === "fetch") link.crossOrigin = "anonymous";
    link.href = href;
    document.head.append(link);
  };
  try {
    await new Promise((resolve) => addEventListener("load", resolve));
    const given = await body(directory + input);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const began = performance.now();
    const code = import(`/bundles/${files.bundle}.js`) as Promise<{
      open(): Promise<Runtime & StreamingRuntime>;
    }>;
    const { compile } = files;
    const engine = compile && WebAssembly.compileStreaming(fetch(compile));
    Object.assign(globalThis, { engine });
    const preloads = Object.entries(files.preload ?? {});
    for (const [kind, urls] of preloads) for (const url of urls) preload(url, kind);
    const answer = fetch(directory + files.model);
    const bytes = files.streams ? undefined : answer.then((response) => response.arrayBuffer());
    const { open } = await code;
    if (files.unused) for (const url of files.preload!.fetch!) await body(url);
    const runtime = files.unused ? undefined : await open();
    const opened = performance.now();
    const model = bytes
      ? await runtime?.load(new Uint8Array(await bytes))
      : await runtime?.load(await answer);
    await bytes;
    const loaded = performance.now();
    await model?.run(input.endsWith("-uint8") ? new Uint8Array(given) : new Int8Array(given));
    if (model?.output().length === 0) throw new Error("no output");
    const done = performance.now();
    const start = {
      runtimeMs: opened - began,
      modelMs: loaded - opened,
      firstRunMs: done - loaded,
      totalMs: done - began,
    };
    post({ start, bytes: (globalThis as unknown as { wasmMemoryBytes(): number }).wasmMemoryBytes() });
  } catch (error) {
    post({ error: `${error}` });
  }
}

/** Each file once: tfjs-tflite asks for its code twice, which a browser with a cache does not pay. */
function distinct(served: readonly Served[]): Served[] {
  return [...new Map(served.map((file) => [file.path, file])).values()];
}
