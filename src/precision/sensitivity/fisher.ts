import { forEachGradient } from "../../float/hessian.ts";
import { type GradientMethod, gradientProvider, sampleBlocks, sumOf } from "./gradients.ts";

/**
 * MPQNNCO's second-order estimate (Chen et al., ICCV 2021): half the mean over samples of (gradient . change) squared,
 * which is half of change' H change with the Gauss-Newton Hessian. Keeps what weights of one layer do to each other.
 * Numbers of a part: the sum of squares over its samples, by perturbation.
 */
export const FISHER: GradientMethod = {
  name: "fisher",
  version: 2,
  parts: sampleBlocks,
  async measure(trial, part, signal) {
    const sums = trial.perturbations.map(() => 0);
    if (part.kind !== "samples") return sums;
    const { classifier, samples } = trial.block(part.from, part.to);
    const { network } = classifier;
    const take = (_: unknown, index: number) => {
      const product = trial.changes(index).reduce((sum, { tensor, change }) => {
        const gradient = network.gradient(tensor);
        return change.reduce((total, value, i) => total + value * gradient[i]!, sum);
      }, 0);
      sums[index]! += product * product;
    };
    await forEachGradient(classifier, samples, () => trial.perturbations.forEach(take), { signal });
    return sums;
  },
  losses({ samples }, perturbations, _, found) {
    return sumOf(found, perturbations.length).map((sum) => sum / (2 * samples.length));
  },
};

export const fisher = gradientProvider(FISHER);
