// Direct perturbation: one change at a time in the float network, and how far its outputs move.
import type { FloatNetwork } from "../../float/network.ts";
import type { Samples } from "../../float/samples.ts";
import type { Graph } from "../../graph/graph.ts";
import { exponential } from "../../numerics/exponential.ts";
import { logarithm } from "../../numerics/logarithm.ts";
import { activationRange } from "../../numerics/pack.ts";
import type {
  ActivationPerturbation,
  Evidence,
  MeasureOptions,
  Perturbation,
  SensitivityProvider,
} from "./provider.ts";
import { Frontier, suffixNetwork } from "./suffix.ts";

/** Distance of a perturbed output from the float one, per sample. */
export type Distance = "kl" | "mse";

/** Changes that are made together: one, or the weights of two layers, the one that runs first in front. */
export type Changes = readonly Perturbation[];

/** What runs perturbations somewhere: here, or on worker threads. */
export type Runner = (
  evidence: Evidence,
  changes: readonly Changes[],
  distance: Distance,
  onLoss: (index: number, loss: number) => void,
  signal?: AbortSignal,
) => Promise<void>;

/** A provider by direct perturbation; needs no labels. */
export function directProvider(name: string, distance: Distance, run: Runner = runHere): SensitivityProvider {
  const measure = async (
    evidence: Evidence,
    changes: readonly Changes[],
    { signal, onLoss, onProgress }: MeasureOptions = {},
  ) => {
    const losses: number[] = [];
    let done = 0;
    const take = (index: number, loss: number) => {
      losses[index] = loss;
      onLoss?.(index, loss);
      onProgress?.(++done, changes.length);
    };
    await run(evidence, changes, distance, take, signal);
    return losses;
  };
  return {
    name,
    version: 1,
    measure: (evidence, perturbations, options) =>
      measure(
        evidence,
        perturbations.map((own) => [own]),
        options,
      ),
    measurePairs: measure,
  };
}

/** On this thread, in the order of the nodes. */
const runHere: Runner = async ({ graph, samples, module }, changes, distance, onLoss, signal) => {
  const trial = await Trial.create(graph, samples, await module(), distance);
  for (const index of inOrder(changes.map(([first]) => first!))) {
    signal?.throwIfAborted();
    onLoss(index, await trial.run(changes[index]!));
  }
};

/** Indices of perturbations by the node that they start at: a frontier only moves forward. */
export function inOrder(perturbations: readonly Perturbation[]): number[] {
  return perturbations
    .map((_, index) => index)
    .sort((a, b) => startOf(perturbations[a]!) - startOf(perturbations[b]!) || a - b);
}

/** The first node that runs otherwise. */
function startOf({ kind, node }: Perturbation): number {
  return kind === "weights" ? node : node + 1;
}

/** A float network with its outputs on all samples, ready to be perturbed from the front to the back. */
export class Trial {
  private readonly graph: Graph;
  private readonly module: WebAssembly.Module;
  private readonly distance: Distance;
  private readonly frontier: Frontier;
  private readonly outputs: readonly Float32Array[][];
  private plain: { position: number; network: FloatNetwork; inputs: readonly number[] } | undefined;

  private constructor(
    graph: Graph,
    module: WebAssembly.Module,
    distance: Distance,
    frontier: Frontier,
    outputs: readonly Float32Array[][],
  ) {
    this.graph = graph;
    this.module = module;
    this.distance = distance;
    this.frontier = frontier;
    this.outputs = outputs;
  }

  static async create(
    graph: Graph,
    samples: Samples,
    module: WebAssembly.Module,
    distance: Distance,
  ): Promise<Trial> {
    const { network } = await suffixNetwork(graph, 0, module);
    const outputs = Array.from({ length: samples.length }, (_, s) => network.run(samples.at(s)!));
    return new Trial(graph, module, distance, new Frontier(graph, samples, module), outputs);
  }

  /** Mean distance over the samples. */
  async run(changes: Changes): Promise<number> {
    const { frontier, outputs } = this;
    const [first] = changes;
    await frontier.advance(startOf(first!));
    const { network, inputs } = await this.network(changes);
    const changed = first!.kind === "activation" ? first! : undefined;
    const total = outputs.reduce((sum, float, s) => {
      const values = inputs.map((tensor) => {
        const own = frontier.of(tensor)[s]!;
        return tensor === changed?.tensor ? rounded(own, changed) : own;
      });
      return sum + this.distanceOf(float, network.run(values));
    }, 0);
    return total / outputs.length;
  }

  private async network(changes: Changes) {
    const { graph, module, frontier } = this;
    const { position } = frontier;
    const replaced = changes.flatMap((own) => (own.kind === "weights" ? [own] : []));
    if (replaced.length > 0) return suffixNetwork(graph, position, module, replaced);
    if (this.plain?.position !== position) {
      this.plain = { position, ...(await suffixNetwork(graph, position, module)) };
    }
    return this.plain;
  }

  private distanceOf(float: readonly Float32Array[], perturbed: readonly Float32Array[]): number {
    const own = this.distance === "kl" ? divergence : squaredError;
    const isSoftmax = (i: number) => {
      const { tensor } = this.graph.outputs[i]!;
      return this.graph.nodes.some(({ op, outputs }) => op === "softmax" && outputs.includes(tensor));
    };
    return float.reduce((sum, values, i) => sum + own(values, perturbed[i]!, isSoftmax(i)), 0);
  }
}

/** Reals on the codes of an activation's width. */
export function rounded(
  values: Float32Array,
  { affine: { scale, zeroPoint }, bits }: ActivationPerturbation,
): Float32Array {
  const [min, max] = activationRange(bits);
  return values.map((value) => {
    const code = Math.floor(value / scale + 0.5) + zeroPoint;
    return scale * ((code < min ? min : code > max ? max : code) - zeroPoint);
  });
}

/** Kullback-Leibler divergence of the perturbed from the float distribution over classes, in nats. */
export function divergence(float: Float32Array, perturbed: Float32Array, areProbabilities: boolean): number {
  const [p, q] = [logProbabilities(float, areProbabilities), logProbabilities(perturbed, areProbabilities)];
  return p.reduce((sum, own, i) => sum + exponential(own) * (own - q[i]!), 0);
}

/** Below this a probability counts as it: one that a network gives as 0 would be infinitely surprising. */
const LEAST_PROBABILITY = 1e-12;

function logProbabilities(values: Float32Array, areProbabilities: boolean): Float64Array {
  if (areProbabilities)
    return Float64Array.from(values, (value) => logarithm(Math.max(value, LEAST_PROBABILITY)));
  const largest = values.reduce((a, b) => Math.max(a, b));
  const sum = values.reduce((total, value) => total + exponential(value - largest), 0);
  const shift = largest + logarithm(sum);
  return Float64Array.from(values, (value) => value - shift);
}

/** Mean squared error relative to the mean square of the float output. */
export function squaredError(float: Float32Array, perturbed: Float32Array): number {
  let [error, power] = [0, 0];
  for (let i = 0; i < float.length; i++) {
    error += (float[i]! - perturbed[i]!) ** 2;
    power += float[i]! ** 2;
  }
  return power > 0 ? error / power : error;
}
