// The benchmark's networks: compiled for Dyadic, and the graph that peers' formats are made from.
import { compileGraph } from "../../src/compile.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { IntegerGraph, IntegerNode } from "../../src/graph/integer.ts";
import { opNamed } from "../../src/ops/index.ts";
import { codes, GOLDEN_MODELS, importGolden, samples } from "../cases/models.ts";

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

/** Inputs in place of the golden ones, where those are too few to tell one near tie from another network. */
const MORE_INPUTS: Readonly<Record<string, string>> = {
  "tf2_mobilenet_v2_1.0_224_ptq": "imagenet/rgb224_64.npy",
};

/** In the order of the report. */
export const BENCH_MODELS = [
  "pretrainedResnet_quant",
  "vww_96_int8",
  "kws_ref_model",
  "ad01_int8",
  "tf2_mobilenet_v2_1.0_224_ptq",
] as const;

/** Compiles a golden model; throws where there is none of that name, or no assets. */
export function loadBenchModel(name: string): BenchModel {
  const golden = GOLDEN_MODELS.find((model) => model.name === name);
  if (golden === undefined) throw new Error(`no model "${name}": there are ${BENCH_MODELS.join(", ")}`);
  const { graph, integer, model } = compileGraph(importGolden(golden), { file: golden.path });
  const [height, width, channels] = integer.tensors[integer.inputs[0]!.tensor]!.shape;
  return {
    name,
    graph,
    integer,
    dyad: model,
    macs: integer.nodes.reduce((sum, node) => sum + nodeMacs(integer, node), 0),
    samples: samples(codes(MORE_INPUTS[name] ?? `golden/${name}/input.npy`), height * width * channels),
    classifies: graph.nodes.some(({ op }) => op === "softmax"),
  };
}

export function nodeMacs(graph: IntegerGraph, node: IntegerNode): number {
  const inputs = node.inputs.map((input) => graph.tensors[input]!);
  return opNamed(node.op).cost(node.parameters, { inputs, output: graph.tensors[node.output]! }).macs;
}
