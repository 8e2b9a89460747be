// The changes whose losses an allocation needs: every layer at every width, rounded as it will be, every activation too.
import type { Calibration } from "../../calibrate/calibration.ts";
import { chooseRange, type RangeOptions } from "../../calibrate/ranges.ts";
import type { Samples } from "../../float/samples.ts";
import type { Graph } from "../../graph/graph.ts";
import type { ActivationBits } from "../../numerics/pack.ts";
import { type Range, rangeAffine } from "../../numerics/range.ts";
import { layersOf } from "../../quantize/layer.ts";
import type { LayerChoice, LayerWeights } from "../../quantize/layer-weights.ts";
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
  /** Which candidates are asked for, by index. Default: all. */
  wanted?(index: number): boolean;
  /** Opens what keeps roundings as they are found: candidates by index, then the layers of the network at 8 bits. */
  trials?: (() => Trials) | undefined;
}

/** Roundings of a run that was stopped, and a place for more of them. */
export interface Trials {
  readonly known: ReadonlyMap<number, LayerWeights>;
  add(index: number, weights: LayerWeights): void;
}

/**
 * Candidates rounded for the inputs that their layers have at 8 bits, in the order of the candidates; places of
 * those that are not wanted stay empty.
 */
export async function perturbWeights(
  graph: Graph,
  seen: Calibration,
  samples: Samples,
  module: WebAssembly.Module,
  candidates: readonly WeightCandidate[],
  { observer, inputRange, trials, wanted = () => true, ...options }: PerturbOptions,
): Promise<WeightPerturbation[]> {
  const positions = layersOf(graph).map(({ position }) => position);
  const found: WeightPerturbation[] = [];
  const ranges = new Map(seen.ranges(observer));
  if (inputRange !== undefined) ranges.set(graph.inputs[0]!.tensor, inputRange);
  // Of the network at 8 bits, under numbers behind those of the candidates.
  const base = (layer: number) => candidates.length + layer;
  const rounded = trials?.() ?? { known: new Map<number, LayerWeights>(), add: () => {} };
  const layers = [...rounded.known].flatMap(([index, weights]) =>
    index < candidates.length ? [] : [[index - candidates.length, weights] as const],
  );
  await quantizeSequentially(graph, ranges, samples, module, {
    ...options,
    choose: () => ({ width: 8, method: "nearest" }),
    finished: new Map(layers),
    onLayer: (layer, weights) => rounded.add(base(layer), weights),
    async onTrial({ index: layer }, trial) {
      for (const [index, candidate] of candidates.entries()) {
        if (candidate.layer !== layer || !wanted(index)) continue;
        let weights = rounded.known.get(index);
        if (weights === undefined) {
          weights = await trial.round(candidate);
          rounded.add(index, weights);
        }
        const { width } = candidate;
        found[index] = { kind: "weights", node: positions[layer]!, width, ...trial.reals(weights) };
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
