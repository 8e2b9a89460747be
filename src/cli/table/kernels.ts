// Which build is fastest at every layer, and how near it comes to what a dense product reaches.
import { DOT_NONE, DOT_PAIR_SATURATING } from "../../../assembly/abi.ts";
import { activationBits, readPlan } from "../../model/plan-reader.ts";
import { readModel } from "../../model/reader.ts";
import { describe } from "../../report/describe.ts";
import type { Build } from "../../runtime/builds.ts";
import { table } from "../output.ts";
import { type Measured, middle } from "./job.ts";

/** What a build took, and its rate at the roofline's product in multiply-adds a microsecond. */
export interface MeasuredBuild {
  readonly build: Build;
  readonly times: Measured;
  readonly roofline: number;
}

/** A step, and the build that won it. */
export interface KernelRow {
  readonly step: number;
  readonly name: string;
  readonly op: string;
  readonly output: readonly number[];
  readonly macs: number;
  /** Median nanoseconds by build, in the order of the measurement. */
  readonly nanoseconds: readonly number[];
  readonly winner: Build;
  /** `<op>_a<bits>w<bits>__<isa>`; the op alone where there are no weights. */
  readonly kernel: string;
  readonly gmacsPerSecond: number | null;
  /** Of the winner's roofline. */
  readonly share: number | null;
}

/** The steps of one model of the measurement. */
export function kernelRows(
  bytes: Uint8Array,
  path: string,
  measured: readonly MeasuredBuild[],
  model: number,
): KernelRow[] {
  const plan = readPlan(readModel(bytes, path));
  return describe(bytes, path).plan.steps.map(({ name, op, output, macs, weightBits }, step): KernelRow => {
    const medians = measured.map(({ times }) => middle(times.models[model]!.steps[step]!));
    const own = measured[medians.indexOf(Math.min(...medians))]!;
    const input = plan.tensors[plan.steps[step]!.inputs[0] ?? -1];
    const widths = weightBits === null ? "" : `_a${activationBits(input!.dtype)}w${weightBits}`;
    const rate = macs === 0 ? null : macs / Math.min(...medians);
    return {
      step,
      name,
      op,
      output,
      macs,
      nanoseconds: medians.map(Math.round),
      winner: own.build,
      kernel: `${op.replace("-", "_")}${widths}__${instructions(own, weightBits)}`,
      gmacsPerSecond: rate,
      share: rate === null ? null : (1000 * rate) / own.roofline,
    };
  });
}

/** What a build's kernel computes with: the relaxed engine has the SIMD kernels too. */
function instructions({ build, times: { dotClass } }: MeasuredBuild, weightBits: number | null): string {
  if (build === "engine-scalar") return "scalar";
  const hasDot = dotClass !== DOT_NONE && (dotClass !== DOT_PAIR_SATURATING || (weightBits ?? 8) < 8);
  return build === "engine-relaxed" && weightBits !== null && hasDot ? "relaxed" : "simd";
}

/** One model as text. */
export function kernelTable(
  { title, rows, wholeMs }: { title: string; rows: readonly KernelRow[]; wholeMs: readonly number[] },
  measured: readonly MeasuredBuild[],
  host: string,
): string {
  const runs = measured.map(({ build, roofline }, i) => {
    return `${build} ${wholeMs[i]!.toPrecision(3)} ms a run, dense product ${(roofline / 1000).toFixed(1)} GMAC/s`;
  });
  const shown = rows.map((row) => [
    row.step,
    row.name.length > 40 ? `...${row.name.slice(-37)}` : row.name || row.op,
    row.output.join("x"),
    ...row.nanoseconds.map((time) => Number((time / 1000).toPrecision(4))),
    row.kernel,
    row.gmacsPerSecond === null ? "" : row.gmacsPerSecond.toFixed(1),
    row.share === null ? "" : `${(100 * row.share).toFixed(0)} %`,
  ]);
  const head = [
    "step",
    "layer",
    "output",
    ...measured.map(({ build }) => `${build} us`),
    "fastest kernel",
    "GMAC/s",
    "of dense",
  ];
  return `${title}\n${host}: ${runs.join("; ")}\n${table([head, ...shown])}`;
}
