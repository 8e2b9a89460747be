// Second derivatives by differences of gradients. The networks are piecewise smooth: a step that is small beside the
// weights, but not beside float32's rounding.
import { seeded } from "../numerics/random.ts";
import type { GradientNetwork } from "./gradients.ts";
import { crossEntropy } from "./loss.ts";
import { forEachSample, type Progress, type Samples } from "./samples.ts";

/** The label of each sample. */
export type Labels = ArrayLike<number>;

/** Step of a difference, in units of a tensor's root mean square. */
const STEP = 2 ** -7;

/** A network whose loss is differentiated: cross-entropy at `logits`, with a label for every sample. */
export interface Classifier {
  readonly network: GradientNetwork;
  readonly logits: number;
  readonly labels: Labels;
}

/** Runs every sample and the loss's gradients; `visit` finds both in the network. */
export async function forEachGradient(
  { network, logits, labels }: Classifier,
  samples: Samples,
  visit: (sample: number) => void,
  progress: Progress,
): Promise<void> {
  await forEachSample(
    samples,
    (sample, index) => {
      network.run(sample);
      network.clear();
      network.backward(new Map([[logits, crossEntropy(network.value(logits), labels[index]!).gradient]]));
      visit(index);
    },
    progress,
  );
}

/** Mean over the samples of cross-entropy's gradient in each tensor. */
export async function meanGradients(
  network: GradientNetwork,
  logits: number,
  samples: Samples,
  labels: Labels,
  tensors: readonly number[],
  progress: Progress = {},
): Promise<Float64Array[]> {
  const sums = tensors.map((tensor) => new Float64Array(network.value(tensor).length));
  const add = () => {
    sums.forEach((sum, i) => {
      network.gradient(tensors[i]!).forEach((value, k) => {
        sum[k]! += value;
      });
    });
  };
  await forEachGradient({ network, logits, labels }, samples, add, progress);
  return sums.map((sum) => sum.map((value) => value / samples.length));
}

/**
 * Products of the Hessian of the mean cross-entropy with one direction a tensor, all moved at once: by tensor,
 * (g(w + e v) - g(w - e v)) / 2e. What a tensor gets from the others' directions is part of it.
 *
 * @param directions by tensor, in its shape
 * @param options step: e in units of the tensor's root mean square
 */
export async function hessianProducts(
  network: GradientNetwork,
  logits: number,
  samples: Samples,
  labels: Labels,
  directions: ReadonlyMap<number, Float32Array>,
  { step = STEP, ...progress }: Progress & { readonly step?: number } = {},
): Promise<Map<number, Float64Array>> {
  const tensors = [...directions.keys()];
  const own = tensors.map((tensor) => network.value(tensor).slice());
  const steps = own.map((values) => step * (rootMeanSquare(values) || 1));
  const at = async (sign: 1 | -1) => {
    tensors.forEach((tensor, i) => {
      const direction = directions.get(tensor)!;
      const moved = own[i]!.map((value, k) => value + sign * steps[i]! * direction[k]!);
      network.setConstant(tensor, moved);
    });
    return meanGradients(network, logits, samples, labels, tensors, progress);
  };
  try {
    const [up, down] = [await at(1), await at(-1)];
    const product = (i: number) => up[i]!.map((value, k) => (value - down[i]![k]!) / (2 * steps[i]!));
    return new Map(tensors.map((tensor, i) => [tensor, product(i)]));
  } finally {
    tensors.forEach((tensor, i) => {
      network.setConstant(tensor, own[i]!);
    });
  }
}

/** Vectors of random signs, a direction a tensor, for Hutchinson's estimate: always the same ones. */
export function* signVectors(
  network: GradientNetwork,
  tensors: readonly number[],
  seed = 1,
): Generator<ReadonlyMap<number, Float32Array>, never> {
  const random = seeded(seed);
  const signs = (tensor: number) => network.value(tensor).map(() => (random() < 0.5 ? -1 : 1));
  for (;;) yield new Map(tensors.map((tensor) => [tensor, signs(tensor)]));
}

/** v'Hv by tensor, of one vector for all: what their blocks give each other has mean 0 over vectors. */
export async function curvatures(
  { network, logits, labels }: Classifier,
  samples: Samples,
  directions: ReadonlyMap<number, Float32Array>,
  progress: Progress = {},
): Promise<number[]> {
  const products = await hessianProducts(network, logits, samples, labels, directions, progress);
  return Array.from(directions, ([tensor, direction]) =>
    products.get(tensor)!.reduce((sum, value, k) => sum + value * direction[k]!, 0),
  );
}

/** Traces of the Hessian's diagonal blocks by Hutchinson's estimate: the mean of v'Hv over vectors of random signs. */
export async function hessianTraces(
  network: GradientNetwork,
  logits: number,
  samples: Samples,
  labels: Labels,
  tensors: readonly number[],
  { vectors, seed = 1, signal, onProgress }: Progress & { readonly vectors: number; readonly seed?: number },
): Promise<number[]> {
  const signs = signVectors(network, tensors, seed);
  const sums = tensors.map(() => 0);
  for (let vector = 0; vector < vectors; vector++) {
    const own = await curvatures({ network, logits, labels }, samples, signs.next().value, { signal });
    own.forEach((value, i) => {
      sums[i]! += value;
    });
    onProgress?.(vector + 1, vectors);
  }
  return sums.map((sum) => sum / vectors);
}

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
