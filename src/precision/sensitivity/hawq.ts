import { type Classifier, forEachGradient, hessianTraces } from "../../float/hessian.ts";
import { changesOf, differentiate } from "./gradients.ts";
import type { Evidence, Perturbation, SensitivityProvider } from "./provider.ts";

/** Vectors of Hutchinson's estimate: HAWQ-V2 (Dong 2020, section 3.3) finds 50 to be plenty; the spread falls by the root. */
const VECTORS = 30;

/**
 * HAWQ's sensitivity (Dong 2019 and 2020; Yao 2021, equation 11): the mean of the Hessian's eigenvalues in a tensor
 * times the square of the change, halved. Of weights the mean is Hutchinson's trace over their number; of activations,
 * which have a Hessian for every sample, that of the Fisher information: the mean square of the gradient.
 */
export const hawq: SensitivityProvider = {
  name: "hawq",
  version: 1,
  async measure(evidence, perturbations, { signal, onLoss } = {}) {
    const differentiated = await differentiate(evidence);
    const means = await weightCurvatures(differentiated, evidence, perturbations, signal);
    const losses = perturbations.map((own) => (own.kind === "weights" ? ofWeights(own) : 0));
    await addActivations(differentiated, evidence, perturbations, losses, signal);
    losses.forEach((loss, index) => {
      onLoss?.(index, loss);
    });
    return losses;

    function ofWeights(own: Perturbation): number {
      const [{ tensor, change }] = changesOf(evidence, differentiated.network, own) as [Change];
      return (means.get(tensor)! * squares(change)) / 2;
    }
  },
};

type Change = ReturnType<typeof changesOf>[number];

/** By weight tensor: the trace of its block of the Hessian over its number of elements; not below 0. */
async function weightCurvatures(
  { network, logits, labels }: Classifier,
  { graph, samples }: Evidence,
  perturbations: readonly Perturbation[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<number, number>> {
  const changed = perturbations.flatMap(({ kind, node }) =>
    kind === "weights" ? [graph.nodes[node]!.inputs[1]!] : [],
  );
  const tensors = [...new Set(changed)];
  if (tensors.length === 0) return new Map();
  const options = { vectors: VECTORS, signal };
  const traces = await hessianTraces(network, logits, samples, labels, tensors, options);
  const mean = (i: number) => Math.max(0, traces[i]!) / network.value(tensors[i]!).length;
  return new Map(tensors.map((tensor, i) => [tensor, mean(i)]));
}

async function addActivations(
  differentiated: Classifier,
  evidence: Evidence,
  perturbations: readonly Perturbation[],
  losses: number[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { network } = differentiated;
  if (perturbations.every(({ kind }) => kind === "weights")) return;
  const { length } = evidence.samples;
  const curvatures = new Map<number, number>();
  const changes = perturbations.map(() => 0);
  const visit = () => {
    const seen = new Set<number>();
    perturbations.forEach((own, index) => {
      if (own.kind === "weights") return;
      const [{ tensor, change }] = changesOf(evidence, network, own) as [Change];
      changes[index]! += squares(change) / length;
      if (seen.has(tensor)) return;
      seen.add(tensor);
      const mean = squares(network.gradient(tensor)) / change.length;
      curvatures.set(tensor, (curvatures.get(tensor) ?? 0) + mean / length);
    });
  };
  await forEachGradient(differentiated, evidence.samples, visit, { signal });
  perturbations.forEach((own, index) => {
    if (own.kind === "activation") losses[index] = (curvatures.get(own.tensor)! * changes[index]!) / 2;
  });
}

function squares(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
