// Memory, download and start of a model in every runtime of Node, each in processes of its own.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { exportOnnx } from "../../src/export/onnx/index.ts";
import { type Bytes, kilobytes, sizes } from "./bytes.ts";
import { milliseconds, table } from "./columns.ts";
import type { BenchModel } from "./compiled.ts";

const RUNTIMES = ["dyadic", "onnxruntime-web", "onnxruntime-node"] as const;
/** The least of so many processes counts: what else the machine did can only add. */
const PROCESSES = 7;
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export interface Footprint {
  readonly runtime: string;
  readonly model: Bytes;
  readonly wasmMemoryBytes: number;
  /** Peak of the resident memory, over that of a process with no runtime in it. */
  readonly peakRssBytes: number;
  /** Milliseconds from the bytes of engine and model to the first output, the runtime's script being there. */
  readonly startMs?: number;
}

interface Peak {
  readonly startMs: number;
  readonly wasmMemoryBytes: number;
  readonly peakRssBytes: number;
}

function peak(...args: string[]): Peak {
  const command = [process.execPath, here("memory-child.mjs"), ...args];
  // This process may be pinned to one core; a start of an application has all, for its compiler's threads.
  if (process.env.DYADIC_BENCH_CORE) command.unshift("taskset", "-c", `0-${cpus().length - 1}`);
  const one = () => JSON.parse(execFileSync(command[0]!, command.slice(1), { encoding: "utf8" })) as Peak;
  const all = Array.from({ length: PROCESSES }, one);
  const least = all.reduce((a, b) => (b.peakRssBytes < a.peakRssBytes ? b : a));
  return { ...least, startMs: Math.min(...all.map(({ startMs }) => startMs)) };
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
    const bundle = join(directory, "dyadic.mjs");
    const entry = here("../../src/runtime/node.ts");
    await build({
      entryPoints: [entry],
      outfile: bundle,
      bundle: true,
      minify: true,
      format: "esm",
      platform: "node",
    });
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
    ["runtime", "model kB raw / gzip / brotli", "wasm KiB", "peak MB over a blank process", "start ms"],
    ...all.map(({ runtime, model, wasmMemoryBytes, peakRssBytes, startMs }) => [
      runtime,
      kilobytes(model),
      wasmMemoryBytes === 0 ? "-" : (wasmMemoryBytes / 1024).toFixed(0),
      (peakRssBytes / 1e6).toFixed(1),
      startMs === undefined ? "-" : milliseconds(startMs),
    ]),
  ]);
}
