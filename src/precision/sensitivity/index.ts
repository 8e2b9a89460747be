import { bytes } from "./bytes.ts";
import { fisher } from "./fisher.ts";
import { hawq } from "./hawq.ts";
import { kl } from "./kl.ts";
import { mse } from "./mse.ts";
import { noise } from "./noise.ts";
import type { SensitivityProvider } from "./provider.ts";

/** Every provider by name, on one thread. */
export const PROVIDERS: Readonly<Record<string, SensitivityProvider>> = {
  kl,
  mse,
  noise,
  fisher,
  hawq,
  bytes,
};

export type {
  ActivationPerturbation,
  Evidence,
  Perturbation,
  SensitivityProvider,
  WeightPerturbation,
} from "./provider.ts";
