// What a quantized network loses against the float one, on the integer engine.
import { compileGraph } from "../../src/compile.ts";
import { FloatNetwork } from "../../src/float/network.ts";
import type { Samples } from "../../src/float/samples.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { quantizeValue } from "../../src/numerics/affine.ts";
import { openEngine, openModel, runModel } from "./engine.ts";
import { argmax } from "./models.ts";

export interface Losses {
  readonly n: number;
  /** Shares, of the labels. */
  readonly float: number;
  readonly top1: number;
  /** Float minus quantized in points, and its paired standard error. */
  readonly drop: number;
  readonly error: number;
  readonly agreement: number;
  /** Mean over the samples of KL(softmax float || softmax quantized). */
  readonly kl: number;
  readonly fileBytes: number;
}

/** Logits of the float network, one array a sample. */
export async function floatLogits(
  graph: Graph,
  samples: Samples,
  module: WebAssembly.Module,
): Promise<Float32Array[]> {
  const network = await FloatNetwork.create(graph, module);
  return Array.from({ length: samples.length }, (_, i) => network.run(samples.at(i)!)[0]!);
}

/** Logits of a quantized graph, run by engine.wasm. */
export async function engineLogits(graph: Graph, samples: Samples) {
  const { model, integer } = compileGraph(graph);
  const from = integer.tensors[integer.inputs[0]!.tensor]!;
  const to = integer.tensors[integer.outputs[0]!.tensor]!;
  const engine = await openEngine("engine");
  openModel(engine, model, integer);
  const logits = Array.from({ length: samples.length }, (_, i) => {
    const [reals] = samples.at(i)!;
    const codes = Int8Array.from(reals!, (x) => quantizeValue(x, from.scale, from.zeroPoint, -128, 127));
    const [out] = runModel(engine, integer, [codes]);
    return Float32Array.from(out!, (code) => to.scale * (code - to.zeroPoint));
  });
  return { logits, fileBytes: model.length };
}

export function lossesOf(
  float: readonly Float32Array[],
  quantized: readonly Float32Array[],
  labels: readonly number[],
  fileBytes: number,
): Losses {
  const n = float.length;
  const rows = float.map((logits, i) => {
    const [a, b] = [argmax(logits), argmax(quantized[i]!)];
    return {
      kl: divergence(logits, quantized[i]!),
      float: Number(a === labels[i]),
      top1: Number(b === labels[i]),
      same: Number(a === b),
    };
  });
  const mean = (value: (row: (typeof rows)[0]) => number) =>
    rows.reduce((sum, row) => sum + value(row), 0) / n;
  const drop = mean(({ float, top1 }) => float - top1);
  const variance = mean(({ float, top1 }) => (float - top1 - drop) ** 2);
  return {
    n,
    float: mean(({ float }) => float),
    top1: mean(({ top1 }) => top1),
    drop: 100 * drop,
    error: 100 * Math.sqrt(variance / n),
    agreement: mean(({ same }) => same),
    kl: mean(({ kl }) => kl),
    fileBytes,
  };
}

/** KL(softmax a || softmax b). */
function divergence(a: Float32Array, b: Float32Array): number {
  const [p, q] = [logSoftmax(a), logSoftmax(b)];
  return p.reduce((sum, logP, i) => sum + Math.exp(logP) * (logP - q[i]!), 0);
}

function logSoftmax(logits: Float32Array): number[] {
  const top = logits.reduce((a, b) => Math.max(a, b));
  const total = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0));
  return Array.from(logits, (x) => x - top - total);
}
