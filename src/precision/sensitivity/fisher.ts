import { forEachGradient } from "../../float/hessian.ts";
import { changesOf, differentiate } from "./gradients.ts";
import type { Perturbation, SensitivityProvider } from "./provider.ts";

/**
 * MPQNNCO's second-order estimate (Chen et al., ICCV 2021): half the mean over samples of (gradient . change) squared,
 * which is half of change' H change with the Gauss-Newton Hessian. Keeps what weights of one layer do to each other.
 */
export const fisher: SensitivityProvider = {
  name: "fisher",
  version: 1,
  async measure(evidence, perturbations, { signal, onLoss } = {}) {
    const differentiated = await differentiate(evidence);
    const { network } = differentiated;
    const fixed = perturbations.map((own) =>
      own.kind === "weights" ? changesOf(evidence, network, own) : undefined,
    );
    const sums = perturbations.map(() => 0);
    const take = (own: Perturbation, index: number) => {
      const changes = fixed[index] ?? changesOf(evidence, network, own);
      const product = changes.reduce((sum, { tensor, change }) => {
        const gradient = network.gradient(tensor);
        return change.reduce((part, value, i) => part + value * gradient[i]!, sum);
      }, 0);
      sums[index]! += product * product;
    };
    await forEachGradient(differentiated, evidence.samples, () => perturbations.forEach(take), { signal });
    const losses = sums.map((sum) => sum / (2 * evidence.samples.length));
    losses.forEach((loss, index) => {
      onLoss?.(index, loss);
    });
    return losses;
  },
};
