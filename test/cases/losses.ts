// What a quantized network loses against the float one, on the integer engine.
import { FloatNetwork } from "../../src/float/network.ts";
import type { Samples } from "../../src/float/samples.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { writeModel } from "../../src/model/writer.ts";
import { quantizeValue } from "../../src/numerics/affine.ts";
import { simplify } from "../../src/passes/index.ts";
import { planWithin } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { openEngine, openModel, runModel } from "./engine.ts";
import { argmax } from "./models.ts";

export interface Losses {
  readonly n: number;
  /** Shares of right classes, of the network that the drop is counted from and of the quantized one; with labels. */
  readonly reference?: number;
  readonly top1?: number;
  /** Their difference in points, and its paired standard error. */
  readonly drop?: number;
  readonly error?: number;
  /** Share of samples that the float and the quantized network give the same class. */
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

/** Logits of a quantized graph, run by engine.wasm; in an arena of so many bytes, by bands where it must be. */
export async function engineLogits(graph: Graph, samples: Samples, ram = Infinity) {
  const { graph: integer, layout } = planWithin(lower(simplify(graph)), ram);
  const model = writeModel(integer, layout);
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
  return { logits, fileBytes: model.length, peakBytes: layout.peakBytes };
}

/** What logits lose against those of the float network; classes against those of `reference`, where there are labels. */
export function lossesOf(
  float: readonly Float32Array[],
  quantized: readonly Float32Array[],
  fileBytes: number,
  labels?: readonly number[],
  reference: readonly Float32Array[] = float,
): Losses {
  const n = float.length;
  const mean = (value: (i: number) => number) => float.reduce((sum, _, i) => sum + value(i), 0) / n;
  const agreement = mean((i) => Number(argmax(float[i]!) === argmax(quantized[i]!)));
  const kl = mean((i) => divergence(float[i]!, quantized[i]!));
  const plain = { n, agreement, kl, fileBytes };
  if (labels === undefined) return plain;
  const right = (logits: readonly Float32Array[], i: number) => Number(argmax(logits[i]!) === labels[i]);
  const lost = (i: number) => right(reference, i) - right(quantized, i);
  const drop = mean(lost);
  return {
    ...plain,
    reference: mean((i) => right(reference, i)),
    top1: mean((i) => right(quantized, i)),
    drop: 100 * drop,
    error: 100 * Math.sqrt(mean((i) => (lost(i) - drop) ** 2) / n),
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
