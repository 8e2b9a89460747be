// Devices that real models must fit: what is asked of the file, of the arena and of the accuracy.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compileGraph } from "../../src/compile.ts";
import { importModel } from "../../src/import/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { describe } from "../../src/report/describe.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { assetsDirectory, readAsset } from "./assets.ts";
import { npyFile } from "./files.ts";
import { floatLogits, lossesOf } from "./losses.ts";
import { calibrationOf, type Pictures, type SubjectName, subjectNamed } from "./subjects.ts";

/** Pictures of a calibration set at most. */
const SAMPLES = 500;

export interface DeviceBudget {
  readonly subject: SubjectName;
  /** The model that is compiled, below the assets; its samples are bytes unless a shape of floats is given. */
  readonly model: string;
  readonly shape: readonly number[];
  readonly dtype: "|u1" | "<f4";
  readonly options: readonly string[];
  readonly flash: string;
  readonly ram: string;
  /** The int8 model that the drop is counted from; the float network where there is none. */
  readonly reference?: string;
  /** Points of top-1 that may be lost, or share of samples that must be given the float network's class. */
  readonly limit: { readonly drop: number } | { readonly agreement: number };
  /** A smaller device than asked for: it must hold the sizes, and the page says whether the accuracy holds too. */
  readonly isAim?: boolean;
}

const TINY = "mlperf_tiny/models";

const RESNET8 = {
  subject: "resnet8",
  model: `${TINY}/pretrainedResnet.tflite`,
  shape: [32, 32, 3],
  dtype: "|u1",
  options: [],
  reference: `${TINY}/pretrainedResnet_quant.tflite`,
  limit: { drop: 1 },
} as const;
const KWS = {
  subject: "kws",
  model: `${TINY}/kws_ref_model.tflite`,
  shape: [49, 10, 1],
  dtype: "<f4",
  options: [],
  reference: `${TINY}/kws_ref_model.tflite`,
  limit: { drop: 1 },
} as const;
const VWW = {
  subject: "vww",
  model: `${TINY}/vww_96_float.tflite`,
  shape: [96, 96, 3],
  dtype: "|u1",
  options: ["--scale", "255"],
  limit: { agreement: 0.96 },
} as const;
const MOBILENET = {
  subject: "mobilenet",
  model: "onnx/mobilenet_v2_1.0_224_float.onnx",
  shape: [224, 224, 3],
  dtype: "|u1",
  // Few widths and a quick provider: 53 layers are rounded once for each.
  options: ["--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5", "--bits", "8,5,4", "--sensitivity", "noise"],
  limit: { drop: 5 },
} as const;

/** What issue 5 asks for, and the smaller devices that it aims at. */
export const BUDGETS: readonly DeviceBudget[] = [
  { ...RESNET8, flash: "64KiB", ram: "32KiB" },
  { ...RESNET8, flash: "52KiB", ram: "25KiB", isAim: true },
  { ...KWS, flash: "24KiB", ram: "12KiB" },
  { ...KWS, flash: "20KiB", ram: "10KiB", isAim: true },
  { ...VWW, flash: "150KiB", ram: "40KiB" },
  { ...VWW, flash: "128KiB", ram: "32KiB", isAim: true },
  { ...MOBILENET, flash: "2.3MiB", ram: "512KiB" },
  { ...MOBILENET, flash: "2.3MiB", ram: "384KiB", isAim: true },
];

/** What `dyadic compile --json` says. */
export interface CompileResult {
  readonly output: string;
  readonly flashBytes: number;
  readonly layers: readonly { readonly weightBits: number | string }[];
  readonly plan: {
    readonly peakBytes: number;
    readonly bands: readonly { readonly steps: readonly unknown[] }[];
  };
  readonly allocation: { readonly loss: number; readonly gap: number };
}

/** How a model on a device did. */
export interface BudgetMeasurement {
  readonly subject: string;
  readonly flash: string;
  readonly ram: string;
  readonly fileBytes: number;
  readonly arenaBytes: number;
  /** Steps that run in bands. */
  readonly banded: number;
  readonly weightBits: string;
  readonly n: number;
  readonly reference: number | null;
  readonly top1: number | null;
  readonly drop: number | null;
  readonly error: number | null;
  readonly agreement: number;
  /** Of the certificate. */
  readonly gap: number;
  readonly seconds: number;
}

export function nameOf({
  subject,
  flash,
  ram,
}: {
  readonly subject: string;
  readonly flash: string;
  readonly ram: string;
}): string {
  return `${subject} ${flash} ${ram}`;
}

/** Arguments of `dyadic compile` for a budget; the calibration samples are written into a folder. */
export function compileArguments(budget: DeviceBudget, folder: string): string[] {
  const { subject, model, shape, dtype, options, flash, ram } = budget;
  const samples = calibrationOf(subjectNamed(subject), 0).first(SAMPLES);
  const file = join(folder, `${subject}.npy`);
  writeFileSync(file, npyFile(dtype, [samples.length, ...shape], bytesOf(samples, dtype)));
  const source = join(assetsDirectory!, model);
  return [
    ...["compile", source, "--calibrate", file, ...options, "--flash", flash, "--ram", ram],
    ...["--cache", join(folder, `${subject}.cache`)],
  ];
}

function bytesOf(samples: Pictures, dtype: DeviceBudget["dtype"]): Uint8Array<ArrayBuffer> {
  const rows = Array.from({ length: samples.length }, (_, i) => {
    if (dtype === "|u1") return new Uint8Array(samples.pixels[i]!);
    return new Uint8Array(samples.at(i)![0]!.slice().buffer);
  });
  const all = new Uint8Array(rows.length * rows[0]!.length);
  rows.forEach((row, i) => {
    all.set(row, i * row.length);
  });
  return all;
}

/** What the file loses on the evaluation set, and what it takes: its own bytes, and the arena that its plan states. */
export async function measureBudget(
  budget: DeviceBudget,
  { output, plan, layers, allocation }: CompileResult,
  seconds: number,
  module: WebAssembly.Module,
): Promise<BudgetMeasurement> {
  const { flash, ram, reference } = budget;
  const { graph, evaluation, labels } = subjectNamed(budget.subject);
  const model = new Uint8Array(readFileSync(output));
  const float = await floatLogits(graph, evaluation, module);
  const other = reference && compileGraph(simplify(importModel(readAsset(reference), reference))).model;
  const from = other ? await outputsOf(other, evaluation) : float;
  const found = lossesOf(float, await outputsOf(model, evaluation), model.length, labels, from);
  return {
    subject: budget.subject,
    flash,
    ram,
    fileBytes: model.length,
    arenaBytes: describe(model, output).plan.peakBytes,
    banded: plan.bands.reduce((sum, { steps }) => sum + steps.length, 0),
    weightBits: layers.map(({ weightBits }) => weightBits).join(" "),
    n: found.n,
    reference: found.reference ?? null,
    top1: found.top1 ?? null,
    drop: found.drop ?? null,
    error: found.error ?? null,
    agreement: found.agreement,
    gap: allocation.gap,
    seconds,
  };
}

/** The first output for every sample, in reals. */
async function outputsOf(model: Uint8Array, samples: Pictures): Promise<Float32Array[]> {
  const session = await InferenceSession.create(model);
  const { name, type } = session.inputMetadata[0]!;
  return Array.from({ length: samples.length }, (_, i) => {
    const feed = type === "uint8" ? Uint8Array.from(samples.pixels[i]!) : samples.at(i)![0]!;
    return Object.values(session.runSync({ [name]: feed }))[0]!.dequantize();
  });
}

/** Whether a measurement is what its budget asks for. */
export function fits({ limit }: DeviceBudget, { drop, agreement }: BudgetMeasurement): boolean {
  return "drop" in limit ? drop! <= limit.drop : agreement >= limit.agreement;
}

/** The page of results. */
export function budgetsPage(measurements: readonly BudgetMeasurement[]): string {
  const bytes = (value: number) => value.toLocaleString("en-US");
  const share = (value: number | null) => (value === null ? "-" : (100 * value).toFixed(2));
  const limit = (own: BudgetMeasurement) => {
    const budget = BUDGETS.find((other) => nameOf(other) === nameOf(own))!;
    const asked =
      "drop" in budget.limit
        ? `drop ${budget.limit.drop.toFixed(1)}`
        : `agreement ${share(budget.limit.agreement)}`;
    return `${budget.isAim ? "aim: " : ""}${asked}${fits(budget, own) ? "" : ", missed"}`;
  };
  const rows = measurements.map((own) => {
    const { subject, flash, ram, fileBytes, arenaBytes, banded, weightBits, n, agreement, seconds } = own;
    const drop = own.drop === null ? "-" : `${own.drop.toFixed(2)} ± ${own.error!.toFixed(2)}`;
    const sizes = [flash, bytes(fileBytes), ram, bytes(arenaBytes), banded, weightBits];
    const losses = [n, share(own.reference), share(own.top1), drop, share(agreement), limit(own)];
    return `| ${[subject, ...sizes, ...losses, own.gap.toPrecision(2), seconds.toFixed(0)].join(" | ")} |`;
  });
  return `${PAGE_HEAD}${rows.join("\n")}\n`;
}

const PAGE_HEAD = `# Real models on small devices

Written by \`DYADIC_FULL=1 npx vitest run test/model/budgets.test.ts\` from budgets.json; \`-t\` measures a part again.

Each row is one \`dyadic compile MODEL --calibrate X.npy --flash F --ram R\`: the bytes of the whole file, and of the arena that
its plan states. All activations have 8 bits: what would not fit runs band by band ("banded": steps that do). Weight bits by layer. Top-1 and its
drop in points, with the paired standard error, against the int8 file of the same model (ResNet-8, kws) or the float network
(MobileNetV2); agreement is with the float network. Calibration: 500 training images of CIFAR-10, the 100 recordings for kws,
every fifth row of labels.csv for vww and MobileNetV2 (60 images); evaluation on others, by content. The gap is that of the
allocator's certificate, in its own loss. Seconds from the model to the file on a shared machine; where a smaller
device follows, losses were measured already.

| model | flash | file B | RAM | arena B | banded | weight bits | n | reference | top-1 | drop | agreement | limit | gap | s |
| --- | --- | ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |
`;
