// Results of the page as JSON, one file a machine and day, and the page made from those files.
import { existsSync, readFileSync } from "node:fs";
import { kilobytes } from "../bytes.ts";
import { milliseconds, table } from "../columns.ts";
import type { Protocol } from "../interleave.ts";
import type { Machine } from "../machine.ts";
import { BENCH_MODELS } from "../models.ts";
import { writeReadme } from "../readme-speed.ts";
import { type ModelResult, modelTable, plotLine, saveIn, savePlot } from "../report.ts";
import type { ColdResult, ColdSubject, Start } from "./cold.ts";

/** What the ratios relate to: the fastest peer. */
export const AGAINST = "LiteRT.js relaxed";

export interface PageResults {
  readonly schema: 1;
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  /** Processes that wanted a core (one-minute average) when a model was done. */
  readonly loads: Readonly<Record<string, number>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly selfTestClass: Readonly<Record<string, string>>;
  readonly protocol: Protocol;
  readonly models: readonly ModelResult[];
  readonly cold: readonly ColdResult[];
}

const DIRECTORY = new URL("../results/page/", import.meta.url);

function smallest(starts: readonly Start[], key: keyof Start): number {
  return Math.min(...starts.map((start) => start[key]));
}

function median(starts: readonly Start[]): number {
  return starts.map(({ totalMs }) => totalMs).toSorted((a, b) => a - b)[starts.length >> 1]!;
}

/** A row a runtime; the parts of the start are those of the fastest one. */
export function coldTable({ subjects }: ColdResult): string {
  const litert = subjects.find(({ name }) => name === "LiteRT.js")!;
  const row = ({ name, starts, code, model, wasmMemoryBytes, peakRssBytes }: ColdSubject) => {
    const best = starts.reduce((least, next) => (next.totalMs < least.totalMs ? next : least));
    return [
      name,
      milliseconds(best.runtimeMs),
      milliseconds(best.modelMs),
      milliseconds(best.firstRunMs),
      milliseconds(best.totalMs),
      milliseconds(median(starts)),
      `${(smallest(litert.starts, "totalMs") / best.totalMs).toFixed(1)}x`,
      kilobytes(code),
      kilobytes(model),
      (wasmMemoryBytes / 1024).toFixed(0),
      (peakRssBytes / 1e6).toFixed(1),
    ];
  };
  return table([
    [
      "runtime",
      "code ms",
      "model ms",
      "first run ms",
      "min ms",
      "median ms",
      "speed by min",
      "code kB raw / gzip / brotli",
      "model kB raw / gzip / brotli",
      "wasm KiB",
      "peak MB",
    ],
    ...subjects.map(row),
  ]);
}

function section(results: PageResults): string {
  const { machine, versions, protocol, selfTestClass, loads } = results;
  const list = (entries: Readonly<Record<string, string | number>>) =>
    Object.entries(entries)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  const lines = [
    `## ${results.date}, ${machine.name}`,
    "",
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}; ${machine.flags.join(", ")}; not pinned.`,
    `Versions: ${list(versions)}; commit ${results.commit}. Self-test class: ${list(selfTestClass)}.`,
    `Load (one-minute average of \`uptime\`) as each model was done: ${list(loads)}.`,
    `${protocol.rounds} interleaved rounds, batches of at least ${protocol.batchMs} ms and ${protocol.batchRuns} runs; ` +
      `warm-up ${protocol.warmUpMs[0]} to ${protocol.warmUpMs[1]} ms. A batch that waited for a core for more than ` +
      `${(100 * (1 - protocol.undisturbed)).toFixed(0)} % of its time was measured again, up to ${protocol.retries} times.`,
    "",
    plotLine(results),
  ];
  for (const model of results.models) {
    const title = `### ${model.name}, ${(model.macs / 1e6).toFixed(2)} MMAC`;
    lines.push("", title, "", modelTable(model, AGAINST));
  }
  for (const cold of results.cold) {
    const starts = cold.subjects[0]!.starts.length;
    lines.push("", `### ${cold.name}, cold start, ${starts} pages each`, "", coldTable(cold));
  }
  return `${lines.join("\n")}\n`;
}

const INTRODUCTION = `# Results in a page

Written by \`npm run bench:page -- --save\` in test/bench from the JSON files beside this page: do not edit.

All runtimes of a model run in one page of Chromium, one thread, in turns, control back in JavaScript between any two
runs; a run hands the input over and ends with the output in JavaScript. The page is not isolated, so its clock has steps
of 0.1 ms: batches are long. LiteRT.js and tfjs-tflite run the .tflite file itself. LiteRT.js "relaxed" is what it takes by
itself here, "compat" its build without relaxed SIMD; its JavaScript got one entry (INT8) in its table of tensor types,
without which it refuses these files. tfjs-tflite's interpreter is called without tfjs tensors around it. onnxruntime-web
gets the network as QDQ ONNX with u8 codes at its border, and as quantize_static writes it, with floats there; \`float32\`
subjects compute the same real values without quantization. "min" and "median" are over rounds, "disturbed" is how many rounds waited for a core in spite of tries.
"Speed" is how many times as fast as ${AGAINST} in the same rounds. "Same answer" and "equal codes" compare with Dyadic,
whose builds are equal bit for bit, before and after the timing, or there would be no page.

Cold start: a fresh page at rest, with empty caches and a server on the same machine; from the request for the runtime's code
through its compilation and the load of the model to the first output. All files of a runtime are asked for together, from the
start: its loader finds them preloaded. Nobody watches the page, as a driver's reports of every request take time.
"(empty files)" is what the browser takes for an empty script and two files of a byte, "(dyadic's files)" for fetching Dyadic's
files and doing nothing with them: no runtime can be faster. Runtimes take turns; the parts are those of the
fastest start. "code" is every byte of JavaScript (minified) and wasm that was requested, each file compressed alone (gzip
9, brotli 9); "wasm KiB" is all wasm memory after the run, "peak MB" the peak of the page's process (VmHWM) over that of a blank page, the
least of all starts.
`;

/**
 * Writes the JSON file and makes the page anew; returns the file's name. Models that were not measured this time keep
 * their figures of the same day, machine and commit: every model has a page of its own.
 */
export function savePage(results: PageResults): string {
  const path = new URL(`${results.date}-${results.machine.name}.json`, DIRECTORY);
  const last = existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as PageResults) : results;
  const kept = last.commit === results.commit ? last : results;
  const merged = {
    ...results,
    loads: { ...kept.loads, ...results.loads },
    models: inOrder([...results.models, ...kept.models]),
    cold: inOrder([...results.cold, ...kept.cold]),
  };
  const file = saveIn(DIRECTORY, merged, INTRODUCTION, section);
  savePlot(DIRECTORY, file, merged.models);
  writeReadme();
  return file;
}

/** The first of every name, in the order of the report. */
function inOrder<T extends { readonly name: string }>(all: readonly T[]): T[] {
  return BENCH_MODELS.flatMap((model) => all.find(({ name }) => name === model) ?? []);
}
