// A network as both runs of the benchmark have it, in Node and in a page: compiled, with inputs.
import { compileGraph } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { IntegerGraph, IntegerNode } from "../../src/graph/integer.ts";
import { importModel } from "../../src/import/index.ts";
import { opNamed } from "../../src/ops/index.ts";

export interface BenchModel {
  readonly name: string;
  readonly graph: Graph;
  readonly integer: IntegerGraph;
  readonly dyad: Uint8Array;
  readonly macs: number;
  /** Real inputs: dense canonical codes of the one input. */
  readonly samples: readonly Int8Array[];
  /** Whether the output's largest element is the answer; otherwise the output is a signal (ad01's autoencoder). */
  readonly classifies: boolean;
}

/** Compiles the bytes of a foreign model; `codes` are its inputs, one behind the other. */
export function benchModel(name: string, bytes: Uint8Array, file: string, codes: Int8Array): BenchModel {
  const { graph, integer, model } = compileGraph(importModel(bytes, file), { file });
  const [height, width, channels] = integer.tensors[integer.inputs[0]!.tensor]!.shape;
  const size = height * width * channels;
  return {
    name,
    graph,
    integer,
    dyad: model,
    macs: integer.nodes.reduce((sum, node) => sum + nodeMacs(integer, node), 0),
    samples: Array.from({ length: codes.length / size }, (_, i) => codes.subarray(i * size, (i + 1) * size)),
    classifies: graph.nodes.some(({ op }) => op === "softmax"),
  };
}

export function nodeMacs(graph: IntegerGraph, node: IntegerNode): number {
  const inputs = node.inputs.map((input) => graph.tensors[input]!);
  return opNamed(node.op).cost(node.parameters, { inputs, output: graph.tensors[node.output]! }).macs;
}
