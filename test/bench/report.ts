// Results as JSON, one file a machine and day, and the page made from those files.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { milliseconds, table } from "./columns.ts";
import type { Protocol, Timing } from "./interleave.ts";
import type { Machine } from "./machine.ts";
import { type Footprint, footprintTable } from "./memory.ts";
import { writeReadme } from "./readme-speed.ts";
import { speedPlot } from "./speed-plot.ts";
import { BASELINE } from "./subjects/index.ts";
import type { Agreement } from "./verify.ts";
import { type WidthResult, widthTable } from "./widths.ts";

export interface SubjectResult extends Timing {
  readonly name: string;
  readonly kind: "dyadic" | "int8" | "float32";
  readonly agreement: Agreement;
}

export interface ModelResult {
  readonly name: string;
  readonly macs: number;
  readonly subjects: readonly SubjectResult[];
  /** Of runs in Node; in the page cold starts have them. */
  readonly footprints?: readonly Footprint[];
  readonly widths?: readonly WidthResult[];
}

export interface Results {
  readonly schema: 1;
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  /** Node, V8 and every subject. */
  readonly versions: Readonly<Record<string, string>>;
  /** Self-test class of every Dyadic build, after the timed runs. */
  readonly selfTestClass: Readonly<Record<string, string>>;
  readonly protocol: Protocol;
  readonly models: readonly ModelResult[];
}

const DIRECTORY = new URL("results/", import.meta.url);

function percent(share: number | null): string {
  return share === null ? "-" : `${(100 * share).toFixed(1)} %`;
}

/** One model: a row a subject, "times as fast" as the baseline of the same rounds. */
export function modelTable({ subjects, macs }: ModelResult, against = BASELINE): string {
  const baseline = subjects.find(({ name }) => name === against);
  const times = (key: "minimumMs" | "medianMs", { [key]: own }: SubjectResult) =>
    baseline ? `${(baseline[key] / own).toFixed(2)}x` : "-";
  return table([
    [
      "subject",
      "min ms",
      "median ms",
      "GMAC/s",
      "speed by min",
      "speed by median",
      "disturbed",
      "same answer",
      "equal codes",
    ],
    ...subjects.map((subject) => [
      subject.name,
      milliseconds(subject.minimumMs),
      milliseconds(subject.medianMs),
      (macs / subject.minimumMs / 1e6).toFixed(1),
      times("minimumMs", subject),
      times("medianMs", subject),
      `${subject.disturbed}`,
      percent(subject.agreement.argmax),
      percent(subject.agreement.equal),
    ]),
  ]);
}

function section(results: Results): string {
  const { machine, versions, protocol, selfTestClass } = results;
  const list = (entries: Readonly<Record<string, string>>) =>
    Object.entries(entries)
      .map(([name, value]) => `${name} ${value}`)
      .join(", ");
  const pinned = machine.pinnedTo === null ? "not pinned" : `pinned to core ${machine.pinnedTo}`;
  const lines = [
    `## ${results.date}, ${machine.name}`,
    "",
    `${machine.cpu}, ${machine.cores} cores, ${machine.platform}; ${machine.flags.join(", ")}; ${pinned}.`,
    `Versions: ${list(versions)}; commit ${results.commit}. Self-test class: ${list(selfTestClass)}.`,
    `${protocol.rounds} interleaved rounds, batches of at least ${protocol.batchMs} ms and ${protocol.batchRuns} runs; ` +
      `warm-up ${protocol.warmUpMs[0]} to ${protocol.warmUpMs[1]} ms, until three windows agree within ${percent(protocol.stable)}.`,
    `A batch with less than ${percent(protocol.undisturbed)} of the core was measured again, up to ${protocol.retries} times.`,
    "",
    plotLine(results),
  ];
  for (const model of results.models) {
    lines.push("", `### ${model.name}, ${(model.macs / 1e6).toFixed(2)} MMAC`, "", modelTable(model));
    if (model.footprints !== undefined) lines.push("", footprintTable(model.footprints));
    if (model.widths !== undefined) lines.push("", widthTable(model.widths));
  }
  return `${lines.join("\n")}\n`;
}

const INTRODUCTION = `# Results

Written by \`npm run bench -- --save\` in test/bench from the JSON files beside this page: do not edit.

All subjects of a model run in one process, one thread, in turns; a run hands the input over and ends with the output
in memory. "min" and "median" are over rounds, "disturbed" is how many rounds other processes shared in spite of tries. "Speed" is how many times as fast as ${BASELINE} in the same rounds.
onnxruntime gets the same network, weights and scales as QDQ ONNX with u8 codes at its border (\`float32\`: the same real
values, not quantized). "Same answer" and "equal codes" compare its outputs with Dyadic's on real inputs; the
Dyadic builds are equal bit for bit, or there would be no page.

Then, each in a process of its own, a runtime with the model: its wasm memory, and the peak of its resident memory over that
of a Node without a runtime, and the milliseconds from the bytes of engine and model to the first output (the runtime's script
is there), each the least of several. Last, the network with narrower weights, all in turns again: "4" and "2" keep
8 bits in the first and last layer, layers of "mixed" have 8, 4 and 2 bits in turn; scales of activations are the file's,
weights are rounded to nearest. All builds are equal bit for bit there too; no peer computes them in integers.
`;

export function save(results: Results): string {
  const file = saveIn(DIRECTORY, results, INTRODUCTION, section);
  savePlot(DIRECTORY, file, results.models);
  writeReadme();
  return file;
}

/** The plot beside a results file, as the page shows it. */
export function plotLine({ date, machine }: Pick<Results, "date" | "machine">): string {
  return `![Time of a run against the fastest Dyadic build's](${date}-${machine.name}.svg)`;
}

/** Writes the plot beside a results file. */
export function savePlot(directory: URL, file: string, models: readonly ModelResult[]): void {
  writeFileSync(new URL(file.replace(/json$/, "svg"), directory), speedPlot(models));
}

/** Writes the JSON file and makes the page of its directory anew; returns the file's name. */
export function saveIn<T extends Pick<Results, "date" | "machine">>(
  directory: URL,
  results: T,
  introduction: string,
  sectionOf: (results: T) => string,
): string {
  mkdirSync(directory, { recursive: true });
  const name = `${results.date}-${results.machine.name}.json`;
  writeFileSync(new URL(name, directory), `${JSON.stringify(results, null, 2)}\n`);
  const files = readdirSync(directory).filter((file) => file.endsWith(".json"));
  const newestFirst = files.map((file) => basename(file)).sort((a, b) => (a < b ? 1 : -1));
  const sections = newestFirst.map((file) =>
    sectionOf(JSON.parse(readFileSync(new URL(file, directory), "utf8")) as T),
  );
  writeFileSync(new URL("README.md", directory), [introduction, ...sections].join("\n"));
  return name;
}
