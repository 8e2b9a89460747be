import type { Graph } from "../../graph/graph.ts";
import { singleNode } from "../../quantize/single.ts";
import { inOrder, rounded, squaredError } from "./direct.ts";
import type { Perturbation, SensitivityProvider } from "./provider.ts";
import { Frontier } from "./suffix.ts";

/** Noise over signal, in power, of what the perturbed layer itself writes: nothing behind it is run. */
export const noise: SensitivityProvider = {
  name: "noise",
  version: 1,
  async measure({ graph, samples, module }, perturbations, { signal, onLoss, onProgress } = {}) {
    const compiled = await module();
    const frontier = new Frontier(graph, samples, compiled);
    const losses: number[] = [];
    let done = 0;
    for (const index of inOrder(perturbations)) {
      signal?.throwIfAborted();
      losses[index] = await noiseOf(graph, frontier, perturbations[index]!, compiled);
      onLoss?.(index, losses[index]!);
      onProgress?.(++done, perturbations.length);
    }
    return losses;
  },
};

async function noiseOf(
  graph: Graph,
  frontier: Frontier,
  own: Perturbation,
  module: WebAssembly.Module,
): Promise<number> {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  if (own.kind === "activation") {
    await frontier.advance(own.node + 1);
    return mean(frontier.of(own.tensor).map((values) => squaredError(values, rounded(values, own))));
  }
  await frontier.advance(own.node);
  const node = graph.nodes[own.node]!;
  const { name, shape } = graph.tensors[node.inputs[1]!]!;
  const constants = new Map([
    [1, { name, dtype: "float32" as const, shape, data: own.weights }],
    [2, { name: "bias", dtype: "float32" as const, shape: [own.bias.length], data: own.bias }],
  ]);
  const bare = { ...node, inputs: [node.inputs[0]!, node.inputs[1]!, node.inputs[2] ?? -1] };
  const [float, perturbed] = [
    await singleNode(graph, bare, module),
    await singleNode(graph, bare, module, { constants }),
  ];
  return mean(
    frontier
      .of(node.inputs[0]!)
      .map((values) => squaredError(float.run([values])[0]!, perturbed.run([values])[0]!)),
  );
}
