// Times of single steps as they were measured on a device: latency-table.json.
import { DyadicError } from "../../error.ts";
import { bitsOf, type IntegerGraph } from "../../graph/integer.ts";
import type { ConvolutionParameters } from "../../ops/convolution.ts";
import { opNamed } from "../../ops/index.ts";
import { shapesOf } from "./network.ts";

/** A table of step times. Steps that are alike in everything that a kernel sees have one entry. */
export interface LatencyTable {
  readonly version: 1;
  /** The machine and engine build, for people. */
  readonly device: string;
  readonly entries: readonly { readonly step: string; readonly nanoseconds: number }[];
}

/** What a step's time depends on, as text: op, shapes with widths, and for weights kernel, stride, groups and width. */
export function latencyKey(graph: IntegerGraph, k: number): string {
  const { op, parameters } = graph.nodes[k]!;
  const { inputs, output } = shapesOf(graph, k);
  const tensors = [...inputs, output].map((tensor) => `${tensor.shape.join("x")}a${bitsOf(tensor)}`);
  if (opNamed(op).weightAxis === undefined) return `${op} ${tensors.join(" ")}`;
  const { kernel, stride, dilation, groups, weightBits } = parameters as ConvolutionParameters;
  const window = `k${kernel.join("x")} s${stride.join("x")} d${dilation.join("x")} g${groups} w${weightBits}`;
  return `${op} ${tensors.join(" ")} ${window}`;
}

/** Reads a table. Throws BAD_FILE. */
export function parseLatencyTable(text: string): LatencyTable {
  const wrong = (found: string) =>
    new DyadicError("BAD_FILE", "this is no table of latencies", {
      expected: '{"version": 1, "device": "...", "entries": [{"step": "...", "nanoseconds": 1}]}',
      found,
    });
  let value: Partial<LatencyTable> | null;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(`${error}`);
  }
  if (value?.version !== 1 || !Array.isArray(value.entries)) throw wrong(`version ${value?.version}`);
  const bad = value.entries.find(
    (entry) =>
      typeof entry?.step !== "string" || !(Number.isSafeInteger(entry.nanoseconds) && entry.nanoseconds >= 0),
  );
  if (bad !== undefined) throw wrong(JSON.stringify(bad));
  return value as LatencyTable;
}

/** Nanoseconds of every node, from the table. Throws BAD_ARGUMENT naming the node that the table does not know. */
export function stepLatency(table: LatencyTable): (graph: IntegerGraph, k: number) => number {
  const times = new Map(table.entries.map(({ step, nanoseconds }) => [step, nanoseconds]));
  return (graph, k) => {
    const key = latencyKey(graph, k);
    const time = times.get(key);
    if (time !== undefined) return time;
    const { name, op } = graph.nodes[k]!;
    throw new DyadicError("BAD_ARGUMENT", "the latency table has no such step", {
      node: name,
      op,
      found: key,
      hint: "measure the table anew on the device, with this model and these widths",
    });
  };
}
