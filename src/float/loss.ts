// Losses of a classifier at its logits, and where those are.
import type { Graph } from "../graph/graph.ts";
import { exponential } from "../numerics/exponential.ts";
import { logarithm } from "../numerics/logarithm.ts";

/** The tensor whose softmax is the model's first output: what goes into the last softmax, or the output itself. */
export function logitsOf({ nodes, outputs }: Graph): number {
  const { tensor } = outputs[0]!;
  const last = nodes.find((node) => node.outputs.includes(tensor));
  return last?.op === "softmax" ? last.inputs[0]! : tensor;
}

/** Softmax in float64, summed in the order of the classes: the same on every host. */
export function probabilities(logits: ArrayLike<number>): Float64Array {
  const top = Array.from(logits).reduce((a, b) => Math.max(a, b), -Infinity);
  const e = Float64Array.from(logits, (value) => exponential(value - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
}

/** -log p[label], and its gradient in the logits: p less 1 at the label. A label that is no class has no loss. */
export function crossEntropy(
  logits: ArrayLike<number>,
  label: number,
): { readonly loss: number; readonly gradient: Float32Array } {
  const p = probabilities(logits);
  const gradient = Float32Array.from(p, (own, i) => own - (i === label ? 1 : 0));
  return { loss: -logarithm(Math.max(p[label] ?? 1, Number.MIN_VALUE * 2 ** 52)), gradient };
}

/** A class drawn from the network's own distribution; `uniform` is from [0, 1). */
export function sampleLabel(logits: ArrayLike<number>, uniform: number): number {
  const p = probabilities(logits);
  let rest = uniform;
  const label = p.findIndex((own) => {
    rest -= own;
    return rest < 0;
  });
  return label < 0 ? p.length - 1 : label;
}
