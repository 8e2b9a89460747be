// What the providers by gradient share: the loss's gradients on parts of the samples, one part at a time or on threads.
import { GradientNetwork } from "../../float/gradients.ts";
import type { Classifier } from "../../float/hessian.ts";
import { logitsOf, sampleLabel } from "../../float/loss.ts";
import { forEachSample, type Samples } from "../../float/samples.ts";
import { seeded } from "../../numerics/random.ts";
import { rounded } from "./direct.ts";
import type { Evidence, Perturbation, SensitivityProvider } from "./provider.ts";

/** Of the stream of labels that are drawn where none are given. */
const LABEL_SEED = 1;
/** Samples of a part: few enough to be worth keeping, and to be shared among threads. */
const BLOCK = 16;

/** Work that one thread does whole: some samples, or one vector of Hutchinson's estimate over all of them. */
export type Part =
  | { readonly kind: "samples"; readonly from: number; readonly to: number }
  | { readonly kind: "vector"; readonly index: number };

/** What a method by gradient is: numbers of every part, and the losses that they amount to. */
export interface GradientMethod {
  readonly name: "fisher" | "hawq";
  readonly version: number;
  parts(samples: number, perturbations: readonly Perturbation[]): readonly Part[];
  measure(trial: GradientTrial, part: Part, signal?: AbortSignal): Promise<number[]>;
  /** @param found the numbers of every part, in the order of the parts: sums do not depend on threads */
  losses(
    evidence: Evidence,
    perturbations: readonly Perturbation[],
    parts: readonly Part[],
    found: readonly (readonly number[])[],
  ): number[];
}

/** What works on parts somewhere: here, or on worker threads. */
export type PartRunner = (
  method: GradientMethod,
  evidence: Evidence,
  perturbations: readonly Perturbation[],
  parts: readonly Part[],
  onPart: (index: number, numbers: readonly number[]) => void,
  signal?: AbortSignal,
) => Promise<void>;

/** A provider by gradient: parts that the store knows are not measured again. */
export function gradientProvider(method: GradientMethod, run: PartRunner = runHere): SensitivityProvider {
  return {
    name: method.name,
    version: method.version,
    async measure(evidence, perturbations, { signal, onLoss, parts: store, onProgress } = {}) {
      const parts = method.parts(evidence.samples.length, perturbations);
      const found = parts.map((part) => store?.get(JSON.stringify(part)));
      const missing = parts.filter((_, index) => found[index] === undefined);
      let done = parts.length - missing.length;
      const take = (index: number, numbers: readonly number[]) => {
        found[parts.indexOf(missing[index]!)] = numbers;
        store?.set(JSON.stringify(missing[index]), numbers);
        onProgress?.(++done, parts.length);
      };
      if (missing.length > 0) await run(method, evidence, perturbations, missing, take, signal);
      const whole = found.map((numbers) => numbers!);
      const losses = method.losses(evidence, perturbations, parts, whole);
      losses.forEach((loss, index) => {
        onLoss?.(index, loss);
      });
      return losses;
    },
  };
}

/** On this thread. */
const runHere: PartRunner = async (method, evidence, perturbations, parts, onPart, signal) => {
  const trial = await GradientTrial.create(evidence, perturbations);
  for (const [index, part] of parts.entries()) onPart(index, await method.measure(trial, part, signal));
};

/** Parts of all samples. */
export function sampleBlocks(samples: number): Part[] {
  return Array.from({ length: Math.ceil(samples / BLOCK) }, (_, i) => ({
    kind: "samples",
    from: i * BLOCK,
    to: Math.min(samples, (i + 1) * BLOCK),
  }));
}

/** Sums of lists of numbers, place by place, in the order of the lists. */
export function sumOf(lists: readonly (readonly number[])[], length: number): number[] {
  return lists.reduce<number[]>((sum, own) => sum.map((value, i) => value + own[i]!), Array(length).fill(0));
}

/** A float network that is differentiated, and the changes that are asked about. */
export class GradientTrial {
  readonly classifier: Classifier;
  readonly evidence: Evidence;
  readonly perturbations: readonly Perturbation[];
  /** Of weights, which do not depend on the sample. */
  private readonly fixed: readonly (readonly Change[] | undefined)[];

  private constructor(evidence: Evidence, perturbations: readonly Perturbation[], classifier: Classifier) {
    this.evidence = evidence;
    this.perturbations = perturbations;
    this.classifier = classifier;
    this.fixed = perturbations.map((own) =>
      own.kind === "weights" ? changesOf(evidence, classifier.network, own) : undefined,
    );
  }

  static async create(evidence: Evidence, perturbations: readonly Perturbation[]): Promise<GradientTrial> {
    return new GradientTrial(evidence, perturbations, await differentiate(evidence));
  }

  /** The samples of a part; its labels. */
  block(from: number, to: number): { classifier: Classifier; samples: Samples } {
    const { classifier, evidence } = this;
    const labels = Array.from({ length: to - from }, (_, i) => classifier.labels[from + i]!);
    const samples = { length: to - from, at: (index: number) => evidence.samples.at(from + index) };
    return { classifier: { ...classifier, labels }, samples };
  }

  /** The tensors that a perturbation changes, each with what it adds to the values of the sample that ran last. */
  changes(index: number): readonly Change[] {
    return this.fixed[index] ?? changesOf(this.evidence, this.classifier.network, this.perturbations[index]!);
  }
}

export interface Change {
  readonly tensor: number;
  readonly change: Float32Array;
}

/** Labels that are not given are drawn from the network's own distribution: the true Fisher information, without any. */
async function differentiate({ graph, samples, labels, module }: Evidence): Promise<Classifier> {
  const network = await GradientNetwork.create(graph, await module());
  const logits = logitsOf(graph);
  if (labels !== undefined) return { network, logits, labels };
  const uniform = seeded(LABEL_SEED);
  const drawn: number[] = [];
  await forEachSample(samples, (sample) => {
    network.run(sample);
    drawn.push(sampleLabel(network.value(logits), uniform()));
  });
  return { network, logits, labels: drawn };
}

function changesOf({ graph }: Evidence, network: GradientNetwork, own: Perturbation): Change[] {
  const less = (values: Float32Array, tensor: number) => {
    const before = network.value(tensor);
    return { tensor, change: values.map((value, i) => value - before[i]!) };
  };
  if (own.kind === "activation") return [less(rounded(network.value(own.tensor), own), own.tensor)];
  const [, weights, bias = -1] = graph.nodes[own.node]!.inputs;
  const changes = [less(own.weights, weights!)];
  return bias < 0 ? changes : [...changes, less(own.bias, bias)];
}
