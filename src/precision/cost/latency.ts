// The time of a run before anything is compiled: the times of its steps, by a table that was measured on the device.
import { DyadicError } from "../../error.ts";
import { bitsOf, type IntegerGraph, shapesOf } from "../../graph/integer.ts";
import type { ConvolutionParameters } from "../../ops/convolution.ts";
import { opNamed } from "../../ops/index.ts";
import type { BuildTimes, LatencyTable, StepTime } from "./latency-table.ts";

/** What a step's time depends on, as text: op, shapes with widths, and for weights kernel, stride, groups and width. */
export function stepKey(graph: IntegerGraph, k: number): string {
  const { op, parameters } = graph.nodes[k]!;
  const { inputs, output } = shapesOf(graph, graph.nodes[k]!);
  const tensors = [...inputs, output].map((tensor) => `${tensor.shape.join("x")}a${bitsOf(tensor)}`);
  if (opNamed(op).weightAxis === undefined) return `${op} ${tensors.join(" ")}`;
  const { kernel, stride, dilation, groups, weightBits } = parameters as ConvolutionParameters;
  const window = `k${kernel.join("x")} s${stride.join("x")} d${dilation.join("x")} g${groups} w${weightBits}`;
  return `${op} ${tensors.join(" ")} ${window}`;
}

/** The key of a step that hands codes over: from the host to a tensor ("input") or back ("output"). */
export function borderKey(graph: IntegerGraph, role: "input" | "output", tensor: number): string {
  const own = graph.tensors[tensor]!;
  return `${role} ${own.shape.join("x")}a${bitsOf(own)}`;
}

/** Keys of all steps of a plan, in their order. */
export function stepKeys(graph: IntegerGraph): string[] {
  return [
    ...graph.inputs.map(({ tensor }) => borderKey(graph, "input", tensor)),
    ...graph.nodes.map((_, k) => stepKey(graph, k)),
    ...graph.outputs.map(({ tensor }) => borderKey(graph, "output", tensor)),
  ];
}

/** A time from the table, or one that was made from that of another step. */
export interface Known {
  readonly nanoseconds: number;
  /** The step that was measured in its place. */
  readonly estimatedFrom?: string;
}

/** The build of a table that a budget is for: the one named, or the first that was measured. Throws BAD_ARGUMENT. */
export function buildOf({ builds }: LatencyTable, name?: string): BuildTimes {
  const found = name === undefined ? builds[0] : builds.find(({ build }) => build === name);
  if (found !== undefined) return found;
  throw new DyadicError("BAD_ARGUMENT", "the latency table has no times of this engine build", {
    expected: name ?? "a build",
    found: builds.map(({ build }) => build).join(", ") || "an empty table",
    hint: "dyadic bench MODEL --table FILE measures every build of the host",
  });
}

/** Looks steps of plans up in the times of a build. */
export class StepTimes {
  readonly overhead: number;
  private readonly measured = new Map<string, StepTime[]>();
  private readonly described: readonly Described[];

  constructor({ overhead, steps }: BuildTimes) {
    this.overhead = overhead;
    for (const time of [...steps].sort((a, b) => a.scratch - b.scratch)) {
      const known = this.measured.get(time.step);
      if (known === undefined) this.measured.set(time.step, [time]);
      else known.push(time);
    }
    this.described = [...this.measured.keys()].map(describeStep);
  }

  /**
   * Median nanoseconds of a step with so much scratch: of the measurement with the most scratch that this step has too. A
   * shape that was not measured takes the time of the nearest one of its op, by multiply-adds (or elements written).
   * Throws BAD_ARGUMENT where the table has no step of the op.
   */
  of(key: string, scratch: number): Known {
    const exact = this.measured.get(key);
    if (exact !== undefined) return { nanoseconds: withScratch(exact, scratch).median };
    const wanted = describeStep(key);
    const candidates = this.described.filter(({ op }) => op === wanted.op);
    if (candidates.length === 0) {
      throw new DyadicError("BAD_ARGUMENT", "the latency table has no such step", {
        op: wanted.op,
        found: key,
        hint: "measure the model on the device: dyadic bench MODEL --table FILE --bits 8,4,2",
      });
    }
    const nearest = candidates.reduce((a, b) => (distance(wanted, b) < distance(wanted, a) ? b : a));
    const { median } = withScratch(this.measured.get(nearest.key)!, scratch);
    const nanoseconds = Math.round((median * wanted.work) / nearest.work);
    return { nanoseconds, estimatedFrom: nearest.key };
  }
}

/** `times` rise with their scratch. */
function withScratch(times: readonly StepTime[], scratch: number): StepTime {
  return times.findLast((time) => time.scratch <= scratch) ?? times[0]!;
}

/** What a key says. */
interface Described {
  readonly key: string;
  readonly op: string;
  /** Widths of activations and weights, kernel, stride, dilation: what decides the kernel. */
  readonly kind: readonly string[];
  /** Sizes that decide its rate. */
  readonly sizes: readonly number[];
  /** What its time is proportional to: multiply-adds, or elements written. */
  readonly work: number;
}

/** Reads a key of `stepKeys`. */
function describeStep(key: string): Described {
  const [op = "", ...words] = key.split(" ");
  const tensors = words.filter((word) => /^\d+x\d+x\d+a\d+$/.test(word));
  const window = words.filter((word) => /^[ksdw]\d/.test(word));
  const groups = Number(words.find((word) => /^g\d/.test(word))?.slice(1) ?? 1);
  const shapes = tensors.map((word) => word.replace(/a\d+$/, "").split("x").map(Number));
  const [input, output] = [shapes[0] ?? [1, 1, 1], shapes.at(-1) ?? [1, 1, 1]];
  const written = output.reduce((a, b) => a * b, 1);
  const taps = (window.find((word) => word.startsWith("k")) ?? "k1x1").slice(1).split("x").map(Number);
  const depth = window.length === 0 ? 1 : input[2]! / (op === "depthwise" ? input[2]! : groups);
  const work = written * depth * taps.reduce((a, b) => a * b, 1);
  const widths = tensors.map((word) => word.slice(word.indexOf("a")));
  return { key, op, kind: [...widths, ...window], sizes: [work, input[2]!, output[2]!], work };
}

/** A kernel of another kind is further away than any other shape. */
function distance(a: Described, b: Described): number {
  const others = a.kind.filter((word, i) => word !== b.kind[i]).length;
  const apart = a.sizes.reduce((sum, size, i) => sum + Math.abs(Math.log2(size / b.sizes[i]!)), 0);
  return 100 * others + apart;
}

/** What a network takes, step by step. */
export interface Prediction {
  /** Of a whole run. */
  readonly nanoseconds: number;
  /** Steps that the table does not have, and those that stand for them. */
  readonly estimated: readonly { readonly step: string; readonly from: string }[];
}

/**
 * The time of a run.
 *
 * @param scratch granted by node, as the planner says
 * Throws BAD_ARGUMENT where the table does not know an op.
 */
export function predict(times: StepTimes, graph: IntegerGraph, scratch: readonly number[]): Prediction {
  let nanoseconds = times.overhead;
  const estimated = new Map<string, string>();
  stepKeys(graph).forEach((step, i) => {
    const known = times.of(step, scratch[i - graph.inputs.length] ?? 0);
    nanoseconds += known.nanoseconds;
    if (known.estimatedFrom !== undefined) estimated.set(step, known.estimatedFrom);
  });
  return { nanoseconds, estimated: [...estimated].map(([step, from]) => ({ step, from })) };
}
