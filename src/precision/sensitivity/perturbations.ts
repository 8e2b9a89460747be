// The changes whose losses an allocation needs: every layer at every width, rounded as it will be, every activation too.
import type { Calibration } from "../../calibrate/calibration.ts";
import { chooseRange, type RangeOptions } from "../../calibrate/ranges.ts";
import type { Samples } from "../../float/samples.ts";
import type { Graph } from "../../graph/graph.ts";
import type { ActivationBits } from "../../numerics/pack.ts";
import { type Range, rangeAffine } from "../../numerics/range.ts";
import { layersOf } from "../../quantize/layer.ts";
import type { LayerChoice } from "../../quantize/layer-weights.ts";
import { quantizeSequentially, type SequentialOptions } from "../../quantize/sequential.ts";
import type { ActivationPerturbation, WeightPerturbation } from "./provider.ts";

/** A layer at a width, and how it would be rounded. */
export interface WeightCandidate extends LayerChoice {
  /** Index among the layers with weights. */
  readonly layer: number;
}

export interface ActivationCandidate {
  readonly tensor: number;
  readonly bits: ActivationBits;
}

export interface PerturbOptions extends Pick<SequentialOptions, "shards" | "signal" | "onProgress"> {
  readonly observer?: RangeOptions | undefined;
  /** Range of the model's one input, where it is known. */
  readonly inputRange?: Range | undefined;
}

/** Every candidate rounded for the inputs that its layer has at 8 bits. In the order of the candidates. */
export async function perturbWeights(
  graph: Graph,
  seen: Calibration,
  samples: Samples,
  module: WebAssembly.Module,
  candidates: readonly WeightCandidate[],
  { observer, inputRange, ...options }: PerturbOptions,
): Promise<WeightPerturbation[]> {
  const positions = layersOf(graph).map(({ position }) => position);
  const found: WeightPerturbation[] = [];
  const ranges = new Map(seen.ranges(observer));
  if (inputRange !== undefined) ranges.set(graph.inputs[0]!.tensor, inputRange);
  await quantizeSequentially(graph, ranges, samples, module, {
    ...options,
    choose: () => ({ width: 8, method: "nearest" }),
    async onTrial({ index: layer }, round) {
      for (const [index, candidate] of candidates.entries()) {
        if (candidate.layer !== layer) continue;
        const { width } = candidate;
        found[index] = { kind: "weights", node: positions[layer]!, width, ...(await round(candidate)) };
      }
    },
  });
  return found;
}

/** Every activation candidate with the scale that its width would have. */
export function perturbActivations(
  graph: Graph,
  seen: Calibration,
  candidates: readonly ActivationCandidate[],
  observer?: RangeOptions,
): ActivationPerturbation[] {
  return candidates.map(({ tensor, bits }) => {
    const range = chooseRange(seen.statistics.get(tensor)!, { ...observer, bits });
    const node = graph.nodes.findIndex(({ outputs }) => outputs.includes(tensor));
    return { kind: "activation", node, tensor, bits, affine: rangeAffine(range, bits) };
  });
}
