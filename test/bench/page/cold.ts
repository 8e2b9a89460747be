// Cold start: a fresh page, nothing cached; runtime fetched and compiled, the model fetched beside it and loaded, one
// inference.
import { type Bytes, sizes } from "../bytes.ts";
import type { Browser } from "./browser.ts";
import type { Codes, Runtime } from "./runtime.ts";
import type { Served, Site } from "./server.ts";

/** Bundle and model of every runtime; tfjs-backend-wasm has no file of these networks to fetch. */
const SUBJECTS = {
  dyadic: ["cold-dyadic", "model.dyad"],
  "LiteRT.js": ["cold-litert", "model.tflite"],
  "tfjs-tflite": ["cold-tfjs-tflite", "model.tflite"],
  "onnxruntime-web int8": ["cold-onnxruntime-web", "model.onnx"],
} as const;

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
  for (let round = 0; round < starts; round++) {
    const empty = await browser.newPage(site.base);
    blank.push(await browser.peakRssBytes());
    await empty.context().close();
    for (const state of states) {
      const [bundle, file] = state.files;
      const page = await browser.newPage(site.base);
      site.served();
      const { start, bytes } = await page.evaluate(startInPage, {
        bundle: `${site.base}/bundles/${bundle}.js`,
        file: `/models/${name}/${file}`,
        input: `/models/${name}/${unsigned || file === "model.onnx" ? "input-uint8" : "input-int8"}`,
      });
      state.starts.push(start);
      state.served = distinct(site.served());
      state.wasmMemoryBytes = bytes;
      state.peaks.push(await browser.peakRssBytes());
      await page.context().close();
    }
  }
  const subjects = states.map(({ subject, served, starts: all, wasmMemoryBytes, peaks }) => {
    const bodies = (wanted: (path: string) => boolean) =>
      sizes(served.filter(({ path }) => wanted(path)).map(({ body }) => body));
    return {
      name: subject,
      starts: all,
      code: bodies((path) => !path.startsWith("/models/")),
      model: bodies((path) => path.includes("/model.")),
      wasmMemoryBytes,
      peakRssBytes: Math.min(...peaks) - Math.min(...blank),
    };
  });
  return { name, subjects };
}

/** Runs in the page. The input is there before the clock starts. */
async function startInPage({
  bundle,
  file,
  input,
}: {
  bundle: string;
  file: string;
  input: string;
}): Promise<{ start: Start; bytes: number }> {
  const body = async (url: string) => (await fetch(url)).arrayBuffer();
  const given = await body(input);
  const began = performance.now();
  const { open } = (await import(bundle)) as { open(): Promise<Runtime> };
  const bytes = body(file); // beside the runtime's own files, as applications ask for it
  const runtime = await open();
  const opened = performance.now();
  const model = await runtime.load(new Uint8Array(await bytes));
  const loaded = performance.now();
  const codes: Codes = input.endsWith("-uint8") ? new Uint8Array(given) : new Int8Array(given);
  await model.run(codes);
  if (model.output().length === 0) throw new Error("no output");
  const done = performance.now();
  return {
    start: {
      runtimeMs: opened - began,
      modelMs: loaded - opened,
      firstRunMs: done - loaded,
      totalMs: done - began,
    },
    bytes: (globalThis as unknown as { wasmMemoryBytes(): number }).wasmMemoryBytes(),
  };
}

/** Each file once: tfjs-tflite asks for its code twice, which a browser with a cache does not pay. */
function distinct(served: readonly Served[]): Served[] {
  return [...new Map(served.map((file) => [file.path, file])).values()];
}
