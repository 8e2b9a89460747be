// Which build is fastest at every layer, and how near it comes to what a dense product reaches.
import { activationBits, groupsOf, readPlan } from "../../model/plan-reader.ts";
import { readModel } from "../../model/reader.ts";
import type { BuildTimes } from "../../precision/cost/latency-table.ts";
import { describe } from "../../report/describe.ts";
import type { Build } from "../../runtime/builds.ts";
import { table } from "../output.ts";

/** What a build takes for one model. */
export interface BuildSteps extends Pick<BuildTimes, "build" | "selfTestClass" | "roofline"> {
  readonly wholeMs: number;
  /** Nanoseconds by step of the plan. */
  readonly steps: readonly number[];
}

/** A step, and the build that won it. */
export interface KernelRow {
  readonly step: number;
  readonly name: string;
  readonly op: string;
  readonly output: readonly number[];
  readonly macs: number;
  /** By build, in their order. */
  readonly nanoseconds: readonly number[];
  readonly winner: Build;
  /** `<op>_a<bits>w<bits>__<isa>`; the op alone where there are no weights. */
  readonly kernel: string;
  readonly gmacsPerSecond: number | null;
  /** Of the winner's roofline. */
  readonly share: number | null;
}

/** The steps of a model file. What runs in bands is timed as a group, which has its members' work. */
export function kernelRows(bytes: Uint8Array, path: string, builds: readonly BuildSteps[]): KernelRow[] {
  const plan = readPlan(readModel(bytes, path));
  const { steps } = describe(bytes, path).plan;
  const groups = groupsOf(plan);
  const groupOf = (step: number) => groups.find(({ first, last }) => first <= step && step <= last);
  const workOf = (step: number) => {
    if (groupOf(step) !== undefined) return 0;
    const group = groups.find(({ first }) => first === step + 1);
    const own = group === undefined ? [steps[step]!] : steps.slice(group.first, group.last + 1);
    return own.reduce((sum, { macs }) => sum + macs, 0);
  };
  return steps.map(({ name, op, output, weightBits }, step): KernelRow => {
    const macs = workOf(step);
    const times = builds.map(({ steps }) => steps[step]!);
    const own = builds[times.indexOf(Math.min(...times))]!;
    const input = plan.tensors[plan.steps[step]!.inputs[0] ?? -1];
    const widths = weightBits === null ? "" : `_a${activationBits(input!.dtype)}w${weightBits}`;
    const rate = macs === 0 ? null : macs / Math.min(...times);
    return {
      step,
      name,
      op,
      output,
      macs,
      nanoseconds: times.map(Math.round),
      winner: own.build,
      kernel: `${op.replace("-", "_")}${widths}__${instructions(own, weightBits)}`,
      gmacsPerSecond: rate,
      share: rate === null ? null : (1000 * rate) / own.roofline,
    };
  });
}

/** What a build's kernel computes with: the relaxed engine has the SIMD kernels too. */
function instructions({ build, selfTestClass }: BuildSteps, weightBits: number | null): string {
  if (build === "engine-scalar") return "scalar";
  const hasDot = selfTestClass !== "none" && (selfTestClass !== "P" || (weightBits ?? 8) < 8);
  return build === "engine-relaxed" && weightBits !== null && hasDot ? "relaxed" : "simd";
}

/** One model as text. */
export function kernelTable(
  title: string,
  rows: readonly KernelRow[],
  builds: readonly BuildSteps[],
): string {
  const runs = builds.map(({ build, roofline, wholeMs }) => {
    return `${build} ${wholeMs.toPrecision(3)} ms a run, dense product ${(roofline / 1000).toFixed(1)} GMAC/s`;
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
    ...builds.map(({ build }) => `${build} us`),
    "fastest kernel",
    "GMAC/s",
    "of dense",
  ];
  return `${title}\n${runs.join("; ")}\n${table([head, ...shown])}`;
}
