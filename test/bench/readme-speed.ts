// The README's table of speed, from committed results alone. Without imports of peers: a test of the repository makes it too.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

const RESULTS = new URL("results/", import.meta.url);
const README = new URL("../../README.md", import.meta.url);
const [BEGIN, END] = [
  "<!-- speed: written from test/bench/results, do not edit -->",
  "<!-- end of speed -->",
];

/** What this page reads of a results file. */
interface Run {
  readonly date: string;
  readonly machine: { readonly cpu: string };
  readonly versions: Readonly<Record<string, string>>;
  readonly models: readonly {
    readonly name: string;
    readonly subjects: readonly { readonly name: string; readonly minimumMs: number }[];
  }[];
  readonly cold?: readonly {
    readonly name: string;
    readonly subjects: readonly {
      readonly name: string;
      readonly starts: readonly { readonly totalMs: number }[];
      readonly wasmMemoryBytes: number;
    }[];
  }[];
}

const NAMES: Readonly<Record<string, string>> = {
  pretrainedResnet_quant: "ResNet-8",
  vww_96_int8: "visual wake words",
  kws_ref_model: "keyword spotting",
  ad01_int8: "anomaly detection",
  "tf2_mobilenet_v2_1.0_224_ptq": "MobileNetV2 1.0 224",
};

/** The newest results of a folder, or none. */
function newest(folder: string): Run | undefined {
  const directory = new URL(folder, RESULTS);
  if (!existsSync(directory)) return undefined;
  const file = readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .at(-1);
  return file === undefined ? undefined : (JSON.parse(readFileSync(new URL(file, directory), "utf8")) as Run);
}

/** Minimum of a subject in a run. */
function time(run: Run | undefined, model: string, subject: string): number | undefined {
  const subjects = run?.models.find(({ name }) => name === model)?.subjects;
  return subjects?.find(({ name }) => name === subject)?.minimumMs;
}

function ratio(own: number | undefined, other: number | undefined): string {
  return own === undefined || other === undefined ? "-" : `${(other / own).toFixed(1)}x`;
}

/** Fastest cold start of a subject in the page. */
function start(page: Run | undefined, model: string, subject: string) {
  const cold = page?.cold?.find(({ name }) => name === model)?.subjects.find(({ name }) => name === subject);
  return cold && { ms: Math.min(...cold.starts.map(({ totalMs }) => totalMs)), bytes: cold.wasmMemoryBytes };
}

function row(model: string, page: Run | undefined, node: Run | undefined): string[] {
  const own = "dyadic relaxed";
  const [inPage, inNode] = [time(page, model, own), time(node, model, own)];
  const cold = start(page, model, "dyadic");
  const native = Math.min(
    ...["onnxruntime-node int8", "onnxruntime-node float32"].map(
      (subject) => time(node, model, subject) ?? Infinity,
    ),
  );
  return [
    NAMES[model]!,
    inPage === undefined ? "-" : inPage.toPrecision(3),
    ratio(inPage, time(page, model, "LiteRT.js relaxed")),
    ratio(inPage, time(page, model, "tfjs-tflite")),
    ratio(inPage, time(page, model, "onnxruntime-web int8")),
    inNode === undefined ? "-" : inNode.toPrecision(3),
    ratio(inNode, Number.isFinite(native) ? native : undefined),
    cold === undefined ? "-" : cold.ms.toFixed(0),
    ratio(cold?.ms, start(page, model, "LiteRT.js")?.ms),
    cold === undefined ? "-" : `${(cold.bytes / 1024).toFixed(0)}`,
  ];
}

const HEAD = [
  "model",
  "page, ms",
  "LiteRT.js",
  "tfjs-tflite",
  "onnxruntime-web",
  "Node, ms",
  "onnxruntime-node",
  "cold start, ms",
  "LiteRT.js",
  "wasm KiB",
];

/** The section between its marks, as the newest results have it. */
export function speedSection(): string {
  const [page, node] = [newest("page/"), newest("")];
  const rows = [HEAD, ...Object.keys(NAMES).map((model) => row(model, page, node))];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  const { cpu } = (page ?? node)!.machine;
  const chromium = page?.versions.Chromium?.split(".")[0];
  const where = [chromium && `Chromium ${chromium}`, node?.versions.Node && `Node ${node.versions.Node}`];
  return [
    BEGIN,
    `One thread, least of interleaved rounds, ${cpu}, ${where.filter(Boolean).join(" and ")}. "x" is how many times as long the`,
    "other runtime took in the same rounds: LiteRT.js with relaxed SIMD, onnxruntime-web int8, and onnxruntime-node natively, the",
    "faster of int8 and float32. A cold start is all from the first request to the first output, in a fresh page.",
    "",
    [line(rows[0]!), rule, ...rows.slice(1).map(line)].join("\n"),
    END,
  ].join("\n");
}

/** The README with its section of speed made anew. Throws where it has no marks for one. */
export function withSpeedSection(readme: string): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`README.md has no section between ${BEGIN} and ${END}`);
  return readme.slice(0, from) + speedSection() + readme.slice(to + END.length);
}

export function readmeText(): string {
  return readFileSync(README, "utf8");
}

export function writeReadme(): void {
  writeFileSync(README, withSpeedSection(readmeText()));
}
