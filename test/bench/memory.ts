// Memory and download of a model in every runtime of Node, each in a process of its own.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { exportOnnx } from "../../src/export/onnx/index.ts";
import { type Bytes, kilobytes, sizes } from "./bytes.ts";
import { table } from "./columns.ts";
import type { BenchModel } from "./compiled.ts";

const RUNTIMES = ["dyadic", "onnxruntime-web", "onnxruntime-node"] as const;
/** The least of so many processes counts: what else the machine did can only add. */
const PROCESSES = 3;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export interface Footprint {
  readonly runtime: string;
  readonly model: Bytes;
  readonly wasmMemoryBytes: number;
  /** Peak of the resident memory, over that of a process with no runtime in it. */
  readonly peakRssBytes: number;
}

interface Peak {
  readonly wasmMemoryBytes: number;
  readonly peakRssBytes: number;
}

function peak(...args: string[]): Peak {
  const one = () =>
    JSON.parse(
      execFileSync(process.execPath, [here("memory-child.mjs"), ...args], { encoding: "utf8" }),
    ) as Peak;
  const all = Array.from({ length: PROCESSES }, one);
  return all.reduce((least, next) => (next.peakRssBytes < least.peakRssBytes ? next : least));
}

/** Runs the model in every runtime; one that is not installed is left out. */
export async function footprints(model: BenchModel): Promise<Footprint[]> {
  const directory = mkdtempSync(join(tmpdir(), "dyadic-memory-"));
  try {
    const file = (name: string, bytes: Uint8Array) => {
      const path = join(directory, name);
      writeFileSync(path, bytes);
      return path;
    };
    const bundle = join(directory, "core.mjs");
    const core = here("../../src/runtime/core.ts");
    await build({ entryPoints: [core], outfile: bundle, bundle: true, minify: true, format: "esm" });
    const onnx = exportOnnx(model.graph, { activations: "uint8", borders: "codes" });
    const sample = new Uint8Array(model.samples[0]!); // codes, two's complement
    const input = file("input", sample);
    const engine = here("../../assembly/build/engine-relaxed.wasm");
    const blank = peak("blank");
    return RUNTIMES.flatMap((runtime): Footprint[] => {
      const bytes = runtime === "dyadic" ? model.dyad : onnx;
      try {
        const own = peak(runtime, file(`model-${runtime}`, bytes), input, bundle, engine);
        return [
          { runtime, model: sizes([bytes]), ...own, peakRssBytes: own.peakRssBytes - blank.peakRssBytes },
        ];
      } catch (error) {
        if (`${error}`.includes("ERR_MODULE_NOT_FOUND")) return [];
        throw error;
      }
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export function footprintTable(all: readonly Footprint[]): string {
  return table([
    ["runtime", "model kB raw / gzip / brotli", "wasm KiB", "peak MB over a blank process"],
    ...all.map(({ runtime, model, wasmMemoryBytes, peakRssBytes }) => [
      runtime,
      kilobytes(model),
      wasmMemoryBytes === 0 ? "-" : (wasmMemoryBytes / 1024).toFixed(0),
      (peakRssBytes / 1e6).toFixed(1),
    ]),
  ]);
}
