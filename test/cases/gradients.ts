import { elements, type Graph, type Node, type Tensor } from "../../src/graph/graph.ts";
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
    // Far from where the op bends most: around the vector 0.
    const away = node.op === "l2Normalization" ? 40 : 0;
    const levels = node.op === "maxPool" ? count : 64;
    return { shape, data: apart(random, count, levels, 0.3 + 0.4 * i + away) };
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

/** x -> conv 3x3 (relu) -> normalization -> mean -> dense, with the constants named. */
export function classifier(random: Random): { graph: Graph; constants: Record<string, number> } {
  const tensors: Tensor[] = [];
  const tensor = (name: string, shape: number[], data?: Float32Array) =>
    tensors.push({ name, dtype: "float32", shape, ...(data && { data }) }) - 1;
  const values = (length: number, low = -0.5, high = 0.5) =>
    Float32Array.from({ length }, () => random.between(low, high));
  const x = tensor("x", [1, 6, 5, 3]);
  const constants = {
    weights: tensor("weights", [7, 3, 3, 3], values(7 * 27)),
    bias: tensor("bias", [7], values(7)),
    gamma: tensor("gamma", [7], values(7, 0.5, 2)),
    beta: tensor("beta", [7], values(7)),
    mean: tensor("mean", [7], values(7)),
    variance: tensor("variance", [7], values(7, 0.5, 2)),
    rows: tensor("rows", [4, 7], values(28)),
  };
  const window = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], activation: "none" };
  const [a, b, c, d, y] = [
    [1, 6, 5, 7],
    [1, 6, 5, 7],
    [1, 1, 1, 7],
    [1, 7],
    [1, 4],
  ].map((shape, i) => tensor(`activation${i}`, shape)) as [number, number, number, number, number];
  const node = (op: string, inputs: number[], output: number, attributes: object): Node => ({
    name: op,
    op,
    inputs,
    outputs: [output],
    attributes,
  });
  const nodes = [
    node("conv", [x, constants.weights, constants.bias], a, window),
    node("batchNormalization", [a, constants.gamma, constants.beta, constants.mean, constants.variance], b, {
      epsilon: 1e-3,
    }),
    node("mean", [b], c, { axes: [1, 2] }),
    node("reshape", [c], d, { shape: [1, 7] }),
    node("dense", [d, constants.rows, -1], y, { activation: "none" }),
  ];
  const border = (name: string, index: number) =>
    ({ name, tensor: index, dtype: "float32", shape: tensors[index]!.shape, layout: "flat" }) as const;
  const graph = { name: "classifier", tensors, nodes, inputs: [border("x", x)], outputs: [border("y", y)] };
  return { graph, constants };
}
