import { directProvider } from "./direct.ts";
import type { SensitivityProvider } from "./provider.ts";

/** The provider with losses of pairs in every allocation by it. */
export function pairwise(provider: SensitivityProvider): SensitivityProvider {
  return { ...provider, isPairwise: true };
}

/**
 * Divergence as `kl`, and what any two layers lose together besides (Deng et al. 2023, CLADO): errors of two layers add up
 * or make up for each other. For small networks: pairs of widths of pairs of layers are measured.
 */
export const clado = pairwise(directProvider("clado", "kl"));
