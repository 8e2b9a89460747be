// What a unit is fitted to: the float unit's outputs, or, of the last one, the float network's softmax.
import { probabilities } from "../../float/loss.ts";
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
    const [p, q] = [probabilities(target), probabilities(output)];
    return p.reduce((sum, own, i) => sum + (own > 0 ? own * logarithm(own / Math.max(q[i]!, LEAST)) : 0), 0);
  },
  gradient(output, target) {
    const [p, q] = [probabilities(target), probabilities(output)];
    return Float32Array.from(q, (own, i) => own - p[i]!);
  },
};

/** A probability that float64 still divides by. */
const LEAST = 2 ** -1000;
