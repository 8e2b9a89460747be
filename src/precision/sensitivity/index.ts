import { bytes } from "./bytes.ts";
import { kl } from "./kl.ts";
import { mse } from "./mse.ts";
import { noise } from "./noise.ts";
import type { SensitivityProvider } from "./provider.ts";

/** Every provider by name, on one thread. */
export const PROVIDERS: Readonly<Record<string, SensitivityProvider>> = { kl, mse, noise, bytes };

export type {
  ActivationPerturbation,
  Evidence,
  Perturbation,
  SensitivityProvider,
  WeightPerturbation,
} from "./provider.ts";
