// The benchmark's networks at narrower weights. No peer computes them in integers: builds of Dyadic against its own 8 bits.
import { compile } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { importModel } from "../../src/import/index.ts";
import type { Ranges } from "../../src/numerics/range.ts";
import { simplify } from "../../src/passes/index.ts";
import { applyPolicy, type Policy, presetPolicy } from "../../src/precision/policy.ts";
import { dequantizeGraph } from "../../src/quantize/dequantize.ts";
import { type Bytes, kilobytes, sizes } from "./bytes.ts";
import { milliseconds, table } from "./columns.ts";
import { type BenchModel, benchModel } from "./compiled.ts";
import { interleave, type Protocol, type Timing } from "./interleave.ts";
import { watchProcess } from "./machine.ts";
import type { ModelFiles } from "./models.ts";
import type { Subject } from "./subjects/subject.ts";
import { type OpenSubject, verify } from "./verify.ts";

/** Weights of the whole network; the first and last layers of "4" and "2" keep 8 bits. */
export const WIDTHS = ["8", "4", "2", "mixed"] as const;
/** What layers of "mixed" have in turn. */
const IN_TURN = [8, 4, 2] as const;

export interface WidthResult extends Timing {
  readonly width: (typeof WIDTHS)[number];
  readonly subject: string;
  readonly file: Bytes;
  readonly wasmMemoryBytes: number;
}

/** What the file's own scales say of its activations. */
function rangesOf({ tensors }: Graph): Ranges {
  const ranges = new Map<number, { min: number; max: number }>();
  tensors.forEach(({ data, dtype, quantization }, index) => {
    if (data !== undefined || quantization === undefined) return;
    const [scale, zeroPoint] = [quantization.scale[0]!, quantization.zeroPoint[0]!];
    const least = dtype === "uint8" ? 0 : -128;
    ranges.set(index, { min: scale * (least - zeroPoint), max: scale * (least + 255 - zeroPoint) });
  });
  return ranges;
}

function policyOf(graph: Graph, width: "4" | "2" | "mixed"): Policy {
  if (width !== "mixed") return presetPolicy(width);
  const overrides = applyPolicy(graph, { version: 1 }).map(({ name }, i) => {
    return { layers: name.replace(/[\\*?]/g, "\\$&"), weightBits: IN_TURN[i % IN_TURN.length]! };
  });
  return { version: 1, overrides };
}

/** A network with narrow weights, rounded to nearest: for time, not for accuracy. */
async function narrowed(files: ModelFiles, width: (typeof WIDTHS)[number]): Promise<BenchModel> {
  const { name, path, bytes, codes } = files;
  const whole = benchModel(name, bytes, path, codes);
  if (width === "8") return whole;
  const graph = simplify(importModel(bytes, path));
  const policy = policyOf(dequantizeGraph(graph), width);
  const options = { file: path, calibration: rangesOf(graph), draft: true, policy };
  const { integer, model } = await compile(bytes, options);
  return { ...whole, name: `${name}, ${width}`, integer, dyad: model };
}

/** Every width on every build of Dyadic, equal bit for bit, and all but the slowest build timed in turns. */
export async function measureWidths(
  files: ModelFiles,
  subjects: readonly Subject[],
  protocol: Protocol,
  progress: (what: string) => void,
): Promise<WidthResult[]> {
  const timed: { width: (typeof WIDTHS)[number]; file: Bytes; open: OpenSubject; model: BenchModel }[] = [];
  for (const width of WIDTHS) {
    const model = await narrowed(files, width);
    const open: OpenSubject[] = [];
    for (const subject of subjects.filter(({ kind }) => kind === "dyadic")) {
      open.push({ subject, opened: await subject.open(model) });
    }
    await verify(open, model);
    const file = sizes([model.dyad]);
    for (const own of open.slice(0, -1)) timed.push({ width, file, open: own, model });
  }
  const tasks = timed.map(({ width, open: { subject, opened }, model }) => {
    let next = 0;
    return { name: `${subject.name}, ${width}`, run: () => opened.run(next++ % model.samples.length) };
  });
  const timings = await interleave(tasks, protocol, watchProcess, progress);
  return timed.map(({ width, file, open: { subject, opened } }, i) => {
    return { width, subject: subject.name, file, wasmMemoryBytes: opened.memoryBytes!(), ...timings[i]! };
  });
}

/** A row a width and build; speed against the same build's 8 bits. */
export function widthTable(all: readonly WidthResult[]): string {
  return table([
    ["weights", "build", "min ms", "median ms", "speed of 8 bits", "file kB raw / gzip / brotli", "wasm KiB"],
    ...all.map((own) => {
      const whole = all.find(({ width, subject }) => width === "8" && subject === own.subject)!;
      return [
        own.width,
        own.subject,
        milliseconds(own.minimumMs),
        milliseconds(own.medianMs),
        `${(whole.minimumMs / own.minimumMs).toFixed(2)}x`,
        kilobytes(own.file),
        (own.wasmMemoryBytes / 1024).toFixed(0),
      ];
    }),
  ]);
}
