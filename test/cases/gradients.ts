import { GradientNetwork } from "../../src/float/gradients.ts";
import { elements, type Graph, type Node } from "../../src/graph/graph.ts";
import { activationBounds } from "../../src/ops/activation.ts";
import { opNamed } from "../../src/ops/index.ts";
import type { FloatValue } from "../../src/ops/op.ts";
import { Random } from "./random.ts";

/** Distance of the values of `freshInputs`; the values of one operand lie 0.4 of it beside those of the next. */
export const SPACING = 1 / 16;

/** Multiples of SPACING, shuffled: apart from 0 and, as far as `levels` reach, from each other: no small step meets a kink. */
function apart(random: Random, length: number, levels: number, offset: number): Float32Array {
  const values = Float32Array.from({ length }, (_, i) => ((i % levels) - levels / 2 + offset) * SPACING);
  for (let i = length - 1; i > 0; i--) {
    const j = random.integer(0, i);
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

/** The node's inputs with fresh values. */
export function freshInputs(graph: Graph, node: Node, random: Random): (FloatValue | undefined)[] {
  return node.inputs.map((input, i) => {
    const tensor = graph.tensors[input];
    if (tensor === undefined) return undefined;
    const { shape } = tensor;
    const count = elements(shape);
    return { shape, data: apart(random, count, node.op === "maxPool" ? count : 64, 0.3 + 0.4 * i) };
  });
}

/** Gradients of sum(weights * output) in every tensor, by the ops' definitions. */
export function gradientsByDefinition(
  graph: Graph,
  values: (tensor: number) => Float32Array,
  seeds: ReadonlyMap<number, Float32Array>,
): Map<number, Float32Array> {
  const gradients = new Map([...seeds].map(([tensor, seed]) => [tensor, seed.slice()]));
  for (const node of graph.nodes.toReversed()) {
    const output = node.outputs[0]!;
    const own = gradients.get(output);
    if (own === undefined) continue;
    const value = (tensor: number): FloatValue => ({
      shape: graph.tensors[tensor]!.shape,
      data: values(tensor),
    });
    const { activation = "none" } = node.attributes as { activation?: "none" };
    const [low, high] = activationBounds(activation) ?? [-Infinity, Infinity];
    const y = values(output);
    const masked = own.map((g, i) => (y[i]! > low && y[i]! < high ? g : 0));
    const inputs = node.inputs.map((input) => (input < 0 ? undefined : value(input)));
    const parts = opNamed(node.op).gradient!(masked, inputs, value(output), node.attributes);
    parts.forEach((part, i) => {
      if (part === undefined) return;
      const input = node.inputs[i]!;
      const sum = gradients.get(input) ?? new Float32Array(part.length);
      gradients.set(
        input,
        sum.map((g, k) => g + part[k]!),
      );
    });
  }
  return gradients;
}

/** Random gradients at the outputs that have any way back: those behind an arg-max have none. */
export function randomSeeds(graph: Graph, seed: number): Map<number, Float32Array> {
  const random = new Random(seed ^ 0x51ed270b);
  const maker = new Map(graph.nodes.map((node) => [node.outputs[0]!, node]));
  const reachable = (tensor: number): boolean => {
    const node = maker.get(tensor);
    if (node === undefined) return true;
    return (
      opNamed(node.op).gradient !== undefined && node.inputs.every((input) => input < 0 || reachable(input))
    );
  };
  const tensors = graph.outputs.map(({ tensor }) => tensor).filter(reachable);
  const values = (length: number) => Float32Array.from({ length }, () => random.between(-1, 1));
  return new Map(tensors.map((tensor) => [tensor, values(elements(graph.tensors[tensor]!.shape))]));
}

export async function openGradients(graph: Graph, module: WebAssembly.Module): Promise<GradientNetwork> {
  return GradientNetwork.create(graph, module);
}
