// What a unit is fitted to: the float unit's outputs, or, of the last one, the float network's softmax.
import { exponential } from "../../numerics/exponential.ts";
import { logarithm } from "../../numerics/logarithm.ts";

export interface Loss {
  of(output: Float32Array, target: Float32Array): number;
  /** dL/doutput, up to a factor. */
  gradient(output: Float32Array, target: Float32Array): Float32Array;
}

/** Mean squared error. */
export const squaredError: Loss = {
  of(output, target) {
    let sum = 0;
    for (let i = 0; i < output.length; i++) sum += (output[i]! - target[i]!) ** 2;
    return sum / output.length;
  },
  gradient: (output, target) => output.map((value, i) => value - target[i]!),
};

/** KL(softmax target || softmax output). */
export const divergence: Loss = {
  of(output, target) {
    const [p, q] = [softmax(target), softmax(output)];
    return p.reduce((sum, own, i) => sum + (own > 0 ? own * logarithm(own / Math.max(q[i]!, LEAST)) : 0), 0);
  },
  gradient(output, target) {
    const [p, q] = [softmax(target), softmax(output)];
    return Float32Array.from(q, (own, i) => own - p[i]!);
  },
};

/** A probability that float64 still divides by. */
const LEAST = 2 ** -1000;

function softmax(logits: Float32Array): Float64Array {
  const top = logits.reduce((a, b) => Math.max(a, b));
  const powers = Float64Array.from(logits, (x) => exponential(x - top));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}
