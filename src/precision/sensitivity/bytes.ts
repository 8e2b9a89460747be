import { elements } from "../../graph/graph.ts";
import { bitsOf } from "../../quantize/rounding/index.ts";
import type { SensitivityProvider } from "./provider.ts";

/** Bytes saved, as if every one lost as much: what Rusci et al. (MLSys 2020) go by. Looks at no sample. */
export const bytes: SensitivityProvider = {
  name: "bytes",
  version: 1,
  async measure({ graph }, perturbations, { onLoss } = {}) {
    return perturbations.map((own, index) => {
      const bits = own.kind === "weights" ? bitsOf(own.width) : own.bits;
      const count = own.kind === "weights" ? own.weights.length : elements(graph.tensors[own.tensor]!.shape);
      const loss = (count * (8 - bits)) / 8;
      onLoss?.(index, loss);
      return loss;
    });
  },
};
