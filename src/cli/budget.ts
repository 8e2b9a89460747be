// The options of a budget, and what is said of how it was spent.
import { availableParallelism } from "node:os";
import type { Trial } from "../compile/smallest.ts";
import { frontier, WEIGHT_CHOICES } from "../compile/spending.ts";
import type { Allocating } from "../compile.ts";
import { DyadicError } from "../error.ts";
import { elements, type Graph } from "../graph/graph.ts";
import type { ActivationBits } from "../numerics/pack.ts";
import type { Allocated } from "../precision/allocate/index.ts";
import { className } from "../precision/allocate/space.ts";
import { buildOf, type Prediction, StepTimes } from "../precision/cost/latency.ts";
import { parseLatencyTable } from "../precision/cost/latency-table.ts";
import { ACTIVATION_WIDTHS, WEIGHT_WIDTHS } from "../precision/schema.ts";
import { defaultProvider, PROVIDERS, type ProviderName } from "../precision/sensitivity/index.ts";
import { SPREADABLE, spreadProvider } from "../precision/sensitivity/threads.ts";
import type { SolverName } from "../precision/solve/index.ts";
import type { WeightWidth } from "../quantize/rounding/index.ts";
import { BUILDS } from "./engines.ts";
import { readText } from "./files.ts";
import type { Kept } from "./kept.ts";
import { table } from "./output.ts";

export interface BudgetFlags {
  readonly flash?: string;
  readonly ram?: string;
  readonly latency?: string;
  readonly latencyTable?: string;
  readonly latencyBuild?: keyof typeof BUILDS;
  readonly minAccuracy?: string;
  readonly bits?: string;
  readonly activationBits?: string;
  readonly sensitivity?: ProviderName;
  readonly solver?: SolverName;
}

/** Threads that measure losses at most: more gained nothing where cores share their caches. */
const THREADS = 2;

const SIZE = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|kB|MB)?$/;
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, kB: 1000, MB: 1e6 } as const;
const TIME = /^(\d+(?:\.\d+)?)\s*(us|ms|s)$/;
const NANOSECONDS = { us: 1e3, ms: 1e6, s: 1e9 } as const;

/** Bytes of "64KiB", "1.5MiB" or "900". Throws BAD_ARGUMENT naming the option. */
export function parseSize(option: string, text: string): number {
  const [, number, unit = "B"] = SIZE.exec(text) ?? [];
  if (number !== undefined) return Math.floor(Number(number) * BYTES[unit as keyof typeof BYTES]);
  throw new DyadicError("BAD_ARGUMENT", `${option} is no size`, {
    expected: "such as 64KiB or 1.5MiB",
    found: text,
  });
}

function parseTime(option: string, text: string): number {
  const [, number, unit] = TIME.exec(text) ?? [];
  if (number !== undefined) return Math.floor(Number(number) * NANOSECONDS[unit as keyof typeof NANOSECONDS]);
  throw new DyadicError("BAD_ARGUMENT", `${option} is no time`, {
    expected: "such as 20ms or 900us",
    found: text,
  });
}

/** A set of widths: "mixed", or a list such as 8,4,2. Undefined for what is a preset. Throws BAD_ARGUMENT. */
export function widthSet(bits: string | undefined): readonly WeightWidth[] | undefined {
  if (bits === undefined) return undefined;
  if (bits === "mixed") return WEIGHT_CHOICES;
  if (!bits.includes(",")) return undefined;
  return listed("--bits", bits, WEIGHT_WIDTHS);
}

/** Widths of a list with commas. Throws BAD_ARGUMENT naming the option. */
export function listed<T extends number | string>(
  option: string,
  text: string,
  known: readonly T[],
): readonly T[] {
  const found = text.split(",").map((item) => known.find((width) => `${width}` === item.trim()));
  if (found.every((width) => width !== undefined)) return [...new Set(found as T[])];
  throw new DyadicError("BAD_ARGUMENT", `${option} is no set of widths`, {
    expected: `some of ${known.join(",")}, with commas`,
    found: text,
  });
}

/** The budget that the options say; undefined where there is none. Throws BAD_ARGUMENT. */
export function budgetOf(flags: BudgetFlags, kept?: Kept): Allocating | undefined {
  const { flash, ram, latency, latencyTable, minAccuracy, sensitivity, solver } = flags;
  const set = widthSet(flags.bits);
  if ([flash, ram, latency, minAccuracy].every((limit) => limit === undefined)) {
    if (set === undefined && sensitivity === undefined && solver === undefined) return undefined;
    throw new DyadicError("BAD_ARGUMENT", "widths can be chosen only within a budget", {
      expected: "--flash, --ram, --latency or --min-accuracy",
    });
  }
  if (flags.bits !== undefined && set === undefined) {
    throw new DyadicError("BAD_ARGUMENT", "a budget and --bits of one width exclude each other", {
      expected: "--bits mixed, or a set such as 8,4,2",
      found: flags.bits,
    });
  }
  const activationBits = listed("--activation-bits", flags.activationBits ?? "8,4,2", ACTIVATION_WIDTHS);
  const narrow = activationBits.filter((bits): bits is ActivationBits => bits !== 16);
  return {
    budget: {
      ...(flash !== undefined && { flash: parseSize("--flash", flash) }),
      ...(ram !== undefined && { ram: parseSize("--ram", ram) }),
      ...(latency !== undefined && { latency: parseTime("--latency", latency) }),
    },
    weightBits: widest(set ?? WEIGHT_CHOICES),
    activationBits: narrow,
    provider: (graph) => providerOf(graph, sensitivity),
    ...(solver && { solver }),
    ...(kept && { store: kept.losses, trials: kept.trials }),
    ...(latencyTable !== undefined && { times: timesOf(latencyTable, flags.latencyBuild) }),
  };
}

function timesOf(path: string, build?: keyof typeof BUILDS): StepTimes {
  try {
    return new StepTimes(buildOf(parseLatencyTable(readText(path)), build && BUILDS[build]));
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file: path }) : error;
  }
}

/** The widest first: where a search starts. */
function widest(widths: readonly WeightWidth[]): readonly WeightWidth[] {
  const order = (width: WeightWidth) => (width === "ternary" ? 1.6 : width);
  return [...widths].sort((a, b) => order(b) - order(a));
}

function providerOf(graph: Graph, name: ProviderName = defaultProvider(graph)) {
  const threads = Math.min(THREADS, availableParallelism());
  const spread = SPREADABLE.find((own) => own === name);
  return spread === undefined ? PROVIDERS[name] : spreadProvider(spread, threads);
}

/** How the budget was spent, for programs. */
export function allocationJson({ allocation, provider }: Allocated) {
  const { certificate, weightBytes, peakBytes, latency, rounds } = allocation;
  const predicted = latency && { latency: latency.nanoseconds, estimated: latency.estimated };
  return { sensitivity: provider, ...certificate, weightBytes, peakBytes, ...predicted, rounds };
}

/** What a hundred units of a limit are called. */
const MORE: Readonly<Record<string, string>> = {
  flash: "100 more bytes of flash are",
  ram: "100 more bytes of RAM are",
  latency: "100 more ns are",
};

/** A line on what was proven, and one a limit on what more of it is worth. */
export function allocationSummary({ allocation, provider }: Allocated): string {
  const { loss, gap, limits, solver } = allocation.certificate;
  const proof = gap === 0 ? "proven least" : `at most ${gap.toPrecision(2)} above the least`;
  const worth = limits
    .filter(({ binding }) => binding)
    .map(({ name, shadowPrice }) => `${MORE[name]} worth ${(100 * shadowPrice).toPrecision(2)} of it`);
  const time = allocation.latency === undefined ? [] : [predictedTime(allocation.latency)];
  return [`loss ${loss.toPrecision(3)} (${provider}, ${solver}), ${proof}`, ...time, ...worth].join("\n");
}

/** Says which steps the table did not have. */
function predictedTime({ nanoseconds, estimated }: Prediction): string {
  const lines = estimated.map(({ step, from }) => `  ${step}: from ${from}`);
  const how = lines.length === 0 ? "" : `; ${lines.length} shapes were not measured, and taken from others:`;
  return [`a run takes ${(nanoseconds / 1e6).toPrecision(3)} ms by the table${how}`, ...lines].join("\n");
}

/** A wider choice of a layer's weights or of activations. */
interface Step {
  readonly name: string;
  readonly bits: string;
  readonly bytes: number;
  readonly saved: number;
}

/** Per layer: bits, bytes, what they lose, and what the next wider choice would save for each of its bytes. */
export function explanation(allocated: Allocated): string {
  const { allocation, space, cost, losses } = allocated;
  const { choices, widths } = allocation;
  const head = ["layer", "bits", "bytes", "loss", "next bits", "more bytes", "loss saved", "per KiB"];
  const rows = choices.map((choice, i) => {
    const width = widths.weights[i];
    const bits = width ?? space.groups[i - space.layers.length]!.bits[choice]!;
    const bytes = width === undefined ? "-" : cost.weightBytes(i, width);
    return [
      className(space, i),
      `${bits}`,
      bytes,
      losses[i]![choice]!.toExponential(2),
      ...nextCells(allocated, i),
    ];
  });
  return `${table([head, ...rows])}${bestStep(allocated)}`;
}

/** The next wider choice of a class; of activations its bytes are those of the tensors, in RAM. */
function nextStep({ allocation: { choices }, space, cost, losses }: Allocated, i: number): Step | undefined {
  const choice = choices[i]!;
  if (choice === 0) return undefined;
  const saved = losses[i]![choice]! - losses[i]![choice - 1]!;
  const name = className(space, i);
  const group = space.groups[i - space.layers.length];
  if (group === undefined) {
    const [own, next] = [space.weightBits[choice]!, space.weightBits[choice - 1]!];
    return { name, saved, bits: `${next}`, bytes: cost.weightBytes(i, next) - cost.weightBytes(i, own) };
  }
  const [own, next] = [group.bits[choice]!, group.bits[choice - 1]!];
  const size = group.tensors.reduce((sum, tensor) => sum + elements(space.graph.tensors[tensor]!.shape), 0);
  return { name, saved, bits: `${next}`, bytes: (size * (next - own)) / 8 };
}

function nextCells(allocated: Allocated, i: number): (string | number)[] {
  const step = nextStep(allocated, i);
  if (step === undefined) return ["-", "-", "-", "-"];
  const { bits, bytes, saved } = step;
  const isWeights = i < allocated.space.layers.length;
  const perKib = ((saved / bytes) * 1024).toExponential(2);
  return [bits, isWeights ? bytes : `${bytes} RAM`, saved.toExponential(2), perKib];
}

/** A line on what flash would go to next. */
function bestStep(allocated: Allocated): string {
  const steps = allocated.space.layers.flatMap((_, i) => nextStep(allocated, i) ?? []);
  const gain = ({ saved, bytes }: Step) => saved / bytes;
  const [best] = steps.filter((step) => step.saved > 0).sort((a, b) => gain(b) - gain(a));
  if (best === undefined) return "";
  const { name, bits, bytes, saved } = best;
  return `the next bytes go to ${name}: ${bits} bits take ${bytes} more and save ${saved.toPrecision(2)}\n`;
}

/** Loss over all budgets of flash, as JSON; of files that were measured with their accuracy. */
export async function frontierJson(
  allocated: Allocated,
  allocating: Allocating,
  trials: readonly Trial[] = [],
): Promise<string> {
  const points = await frontier({ allocated }, allocating);
  const chosen = points.find((point) => point.chosen)?.bytes;
  const measured = trials.map(({ fileBytes: bytes, arenaBytes, loss, accuracy }) => ({
    ...{ bytes, arenaBytes, loss, accuracy },
    chosen: bytes === chosen,
  }));
  const others = points.filter(({ bytes }) => measured.every((own) => own.bytes !== bytes));
  const all = [...others, ...measured].sort((a, b) => a.bytes - b.bytes);
  const { budget } = allocating;
  return `${JSON.stringify({ version: 1, sensitivity: allocated.provider, budget, points: all }, null, 1)}\n`;
}
