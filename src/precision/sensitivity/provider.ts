// What a narrower width costs in loss: the interface that every provider has.
import type { Samples } from "../../float/samples.ts";
import type { Graph } from "../../graph/graph.ts";
import type { ActivationBits } from "../../numerics/pack.ts";
import type { Affine } from "../../numerics/range.ts";
import type { WeightWidth } from "../../quantize/rounding/index.ts";
import type { ShardSamples } from "../../quantize/shards.ts";

/** One layer's weights and bias, rounded to a width with the method that will be used, as reals of the graph's layout. */
export interface WeightPerturbation {
  readonly kind: "weights";
  /** Position of the node in the graph. */
  readonly node: number;
  readonly width: WeightWidth;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** One activation, rounded to the codes of a width as it is written. */
export interface ActivationPerturbation {
  readonly kind: "activation";
  /** Position of the node that writes it; -1 for an input. */
  readonly node: number;
  readonly tensor: number;
  readonly bits: ActivationBits;
  readonly affine: Affine;
}

/** A change of the float network whose loss is asked for. */
export type Perturbation = WeightPerturbation | ActivationPerturbation;

/** The float network and what it will see. */
export interface Evidence {
  readonly graph: Graph;
  readonly samples: Samples;
  /** The class of each sample, for providers by gradient; without, they draw from the network's own distribution. */
  readonly labels?: ArrayLike<number>;
  /** assembly/build/calibrator.wasm, compiled. */
  module(): Promise<WebAssembly.Module>;
  /** Where samples are run while layers are rounded; left out, on this thread. */
  readonly shards?: ShardSamples | undefined;
}

/** Numbers that a provider needs on the way, kept so that a measurement that was stopped goes on. */
export interface PartStore {
  get(part: string): readonly number[] | undefined;
  set(part: string, numbers: readonly number[]): void;
}

export interface MeasureOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with every perturbation as its loss is known, in any order: what a store keeps. */
  onLoss?(index: number, loss: number): void;
  /** Of these samples and perturbations. */
  readonly parts?: PartStore | undefined;
  onProgress?(done: number, total: number): void;
}

/**
 * The loss that each perturbation alone brings, in its provider's unit: comparable with each other and additive, or
 * nearly, over layers. The result depends on the arguments alone, not on the host or its threads.
 */
export interface SensitivityProvider {
  readonly name: string;
  /** Raised when its results change: stored losses of older versions are not taken. */
  readonly version: number;
  measure(
    evidence: Evidence,
    perturbations: readonly Perturbation[],
    options?: MeasureOptions,
  ): Promise<readonly number[]>;
  /** The losses of two changes of weights made together, the one that runs first in front. */
  measurePairs?(
    evidence: Evidence,
    pairs: readonly (readonly Perturbation[])[],
    options?: MeasureOptions,
  ): Promise<readonly number[]>;
  /** Whether an allocation goes by losses of pairs, too. */
  readonly isPairwise?: boolean;
}
