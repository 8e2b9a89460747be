import { curvatures, forEachGradient, signVectors } from "../../float/hessian.ts";
import type { Graph } from "../../graph/graph.ts";
import {
  type GradientMethod,
  type GradientTrial,
  gradientProvider,
  sampleBlocks,
  sumOf,
} from "./gradients.ts";
import type { Perturbation } from "./provider.ts";

/** Vectors of Hutchinson's estimate: HAWQ-V2 (Dong 2020, section 3.3) finds 50 to be plenty; the spread falls by the root. */
const VECTORS = 30;

/**
 * HAWQ's sensitivity (Dong 2019 and 2020; Yao 2021, equation 11): the mean of the Hessian's eigenvalues in a tensor
 * times the square of the change, halved. Of weights the mean is Hutchinson's trace over their number; of activations,
 * which have a Hessian for every sample, that of the Fisher information: the mean square of the gradient.
 *
 * Numbers of a vector: v'Hv by weight tensor. Of some samples: by perturbation of an activation the sum of its squared
 * changes, and that of the mean squares of its gradient.
 */
export const HAWQ: GradientMethod = {
  name: "hawq",
  version: 2,
  parts(samples, perturbations) {
    const hasWeights = perturbations.some(({ kind }) => kind === "weights");
    const hasActivations = perturbations.some(({ kind }) => kind === "activation");
    return [
      ...Array.from({ length: hasWeights ? VECTORS : 0 }, (_, index) => ({ kind: "vector", index }) as const),
      ...(hasActivations ? sampleBlocks(samples) : []),
    ];
  },
  async measure(trial, part, signal) {
    if (part.kind === "samples") return activationSums(trial, part.from, part.to, signal);
    const { classifier, evidence, perturbations } = trial;
    const vectors = signVectors(classifier.network, weightTensors(evidence.graph, perturbations));
    for (let index = 0; index < part.index; index++) vectors.next();
    return curvatures(classifier, evidence.samples, vectors.next().value, { signal });
  },
  losses({ graph, samples }, perturbations, parts, found) {
    const ofKind = (kind: string) => found.filter((_, i) => parts[i]!.kind === kind);
    const tensors = weightTensors(graph, perturbations);
    const traces = sumOf(ofKind("vector"), tensors.length).map((sum) => sum / VECTORS);
    const sums = sumOf(ofKind("samples"), 2 * perturbations.length);
    return perturbations.map((own, index) => {
      if (own.kind === "activation") {
        const [changes, gradients] = [sums[2 * index]!, sums[2 * index + 1]!].map(
          (sum) => sum / samples.length,
        );
        return (changes! * gradients!) / 2;
      }
      const tensor = graph.nodes[own.node]!.inputs[1]!;
      const float = graph.tensors[tensor]!.data as Float32Array;
      const mean = Math.max(0, traces[tensors.indexOf(tensor)]!) / float.length;
      return (mean * squares(own.weights.map((value, i) => value - float[i]!))) / 2;
    });
  },
};

export const hawq = gradientProvider(HAWQ);

function weightTensors(graph: Graph, perturbations: readonly Perturbation[]): number[] {
  const changed = perturbations.flatMap(({ kind, node }) =>
    kind === "weights" ? [graph.nodes[node]!.inputs[1]!] : [],
  );
  return [...new Set(changed)];
}

async function activationSums(
  trial: GradientTrial,
  from: number,
  to: number,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const { classifier, samples } = trial.block(from, to);
  const sums = trial.perturbations.flatMap(() => [0, 0]);
  const take = (own: Perturbation, index: number) => {
    if (own.kind === "weights") return;
    const { tensor, change } = trial.changes(index)[0]!;
    sums[2 * index]! += squares(change);
    sums[2 * index + 1]! += squares(classifier.network.gradient(tensor)) / change.length;
  };
  await forEachGradient(classifier, samples, () => trial.perturbations.forEach(take), { signal });
  return sums;
}

function squares(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
