// What the providers by gradient share: the loss's gradients, one sample at a time.
import { GradientNetwork } from "../../float/gradients.ts";
import type { Classifier } from "../../float/hessian.ts";
import { logitsOf, sampleLabel } from "../../float/loss.ts";
import { forEachSample } from "../../float/samples.ts";
import { seeded } from "../../numerics/random.ts";
import { rounded } from "./direct.ts";
import type { Evidence, Perturbation } from "./provider.ts";

/** Of the stream of labels that are drawn where none are given. */
const LABEL_SEED = 1;

/** Labels that are not given are drawn from the network's own distribution: the true Fisher information, without any. */
export async function differentiate({ graph, samples, labels, module }: Evidence): Promise<Classifier> {
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

/** The tensors that a perturbation changes, each with what it adds to the values of the sample that ran last. */
export function changesOf(
  { graph }: Evidence,
  network: GradientNetwork,
  own: Perturbation,
): { readonly tensor: number; readonly change: Float32Array }[] {
  const less = (values: Float32Array, tensor: number) => {
    const before = network.value(tensor);
    return { tensor, change: values.map((value, i) => value - before[i]!) };
  };
  if (own.kind === "activation") return [less(rounded(network.value(own.tensor), own), own.tensor)];
  const [, weights, bias = -1] = graph.nodes[own.node]!.inputs;
  const changes = [less(own.weights, weights!)];
  return bias < 0 ? changes : [...changes, less(own.bias, bias)];
}
