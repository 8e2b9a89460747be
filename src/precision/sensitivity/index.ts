import { canonicalShape, type Graph } from "../../graph/graph.ts";
import { bytes } from "./bytes.ts";
import { clado } from "./clado.ts";
import { fisher } from "./fisher.ts";
import { hawq } from "./hawq.ts";
import { kl } from "./kl.ts";
import { mse } from "./mse.ts";
import { noise } from "./noise.ts";
import type { SensitivityProvider } from "./provider.ts";

/** The loss to go by: divergence where the outputs are classes, else squared error. */
export function defaultProvider({ outputs, tensors }: Graph): "kl" | "mse" {
  const areClasses = outputs.every(({ tensor }) => {
    const [height, width, channels] = canonicalShape(tensors[tensor]!.shape, tensors[tensor]!.name);
    return height * width === 1 && channels > 1;
  });
  return areClasses ? "kl" : "mse";
}

/** Every provider by name, on one thread. */
export const PROVIDERS = {
  kl,
  mse,
  noise,
  fisher,
  hawq,
  clado,
  bytes,
} as const satisfies Record<string, SensitivityProvider>;
export type ProviderName = keyof typeof PROVIDERS;

export type {
  ActivationPerturbation,
  Evidence,
  Perturbation,
  SensitivityProvider,
  WeightPerturbation,
} from "./provider.ts";
