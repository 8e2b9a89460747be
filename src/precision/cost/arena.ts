// Lower bounds of the arena that are linear in the choices of widths: what a solver can reason about.
import { bitsOf, type IntegerGraph } from "../../graph/integer.ts";
import { NO_HALO } from "../../ops/index.ts";
import { haloNeeds, possibleTakeovers } from "../../plan/in-place.ts";
import { extentBytes, pitches, stepCount, tensorLifetimes } from "../../plan/layout.ts";
import { scratchBytes } from "./network.ts";

/** What one step of a network needs at least, of the bytes that are alive then. */
export interface StepBytes {
  /** Bytes of the tensors that are alive, by tensor. An output that may lie on an input is left out. */
  readonly tensors: ReadonlyMap<number, number>;
  /** The output that may lie on an input where their widths are equal, and which input. */
  readonly takeover: readonly (readonly [output: number, input: number])[];
  readonly scratch: number;
  /** The node that runs, -1 at a border. */
  readonly node: number;
}

/** Bytes of a tensor with the halo that its readers ask for, widened by no other tensor. */
export function tensorBytes(graph: IntegerGraph): number[] {
  const needs = haloNeeds(graph);
  return graph.tensors.map((tensor, index) => {
    const bits = bitsOf(tensor);
    const halo = bits < 8 ? NO_HALO : needs[index]!;
    return extentBytes(tensor.shape, { ...pitches(tensor.shape, halo, bits), halo });
  });
}

/**
 * What every step needs whatever else is decided: no arrangement of these widths has a smaller peak than the largest
 * `stepTotal`. Takeovers are granted wherever the widths allow them.
 */
export function stepBytes(graph: IntegerGraph): StepBytes[] {
  const lifetimes = tensorLifetimes(graph);
  const sizes = tensorBytes(graph);
  const uniform: IntegerGraph = { ...graph, tensors: graph.tensors.map(({ bits: _, ...tensor }) => tensor) };
  const possible = possibleTakeovers(uniform, lifetimes);
  return Array.from({ length: stepCount(graph) }, (_, step) => {
    const k = step - graph.inputs.length;
    const node = k >= 0 && k < graph.nodes.length ? k : -1;
    const takeover = possible
      .filter((own) => own.node === node)
      .map(({ output, input }) => [output, input] as const);
    const alive = lifetimes.flatMap(({ from, to }, tensor) => (from <= step && step <= to ? [tensor] : []));
    return {
      tensors: new Map(alive.map((tensor) => [tensor, sizes[tensor]!])),
      takeover,
      scratch: node < 0 ? 0 : scratchBytes(graph, node),
      node,
    };
  });
}

/** Bytes of a step: a takeover saves its output where the widths of both are equal. */
export function stepTotal(graph: IntegerGraph, { tensors, takeover, scratch }: StepBytes): number {
  const sum = [...tensors.values()].reduce((a, b) => a + b, scratch);
  const saved = takeover
    .filter(([output, input]) => bitsOf(graph.tensors[output]!) === bitsOf(graph.tensors[input]!))
    .map(([output, input]) => Math.min(tensors.get(output)!, tensors.get(input)!));
  return sum - Math.max(0, ...saved);
}
