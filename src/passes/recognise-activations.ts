import type { Graph, Node } from "../graph/graph.ts";
import type { Activation } from "../ops/activation.ts";
import { isInterior, type Wiring, wiringOf, withConstant } from "./wiring.ts";

/** A product taken apart: a constant and the activations that are multiplied. */
interface Product {
  readonly constant: number;
  readonly factors: readonly number[];
}

/** Products inside products that are looked into; exporters make two. */
const MAX_DEPTH = 3;

type Unary = { readonly function: string; readonly alpha?: number; readonly beta?: number };

const SIXTH: Unary = { function: "hardSigmoid", alpha: 1 / 6, beta: 0.5 };

/**
 * Finds functions that exporters take apart, in a float graph: hard-swish x * clip(x + 3, 0, 6) / 6, hard-sigmoid
 * clip(x + 3, 0, 6) / 6, gelu x * (1 + erf(x / sqrt 2)) / 2 and silu x * sigmoid(x), whatever the order of factors.
 * Their parts are left to removeDead.
 */
export function recogniseActivations(graph: Graph): Graph {
  const wiring = wiringOf(graph);
  const nodes = graph.nodes.map((node): Node => {
    if (node.op !== "mul" || (node.attributes as { activation: Activation }).activation !== "none")
      return node;
    const product = productOf(graph, wiring, node);
    const found = recognised(graph, wiring, product);
    return found === null ? node : { ...node, op: "unary", inputs: [found.x], attributes: found.attributes };
  });
  return { ...graph, nodes };
}

/** Factors of a product whose inner products nobody else reads. */
function productOf(graph: Graph, wiring: Wiring, node: Node, depth = MAX_DEPTH): Product {
  let constant = 1;
  const factors: number[] = [];
  for (const input of node.inputs) {
    const tensor = graph.tensors[input]!;
    const writer = wiring.writer.get(input);
    if (tensor.data instanceof Float32Array && tensor.data.length === 1) constant *= tensor.data[0]!;
    else if (depth > 0 && writer?.op === "mul" && isPlain(writer) && isInterior(wiring, input)) {
      const inner = productOf(graph, wiring, writer, depth - 1);
      constant *= inner.constant;
      factors.push(...inner.factors);
    } else factors.push(input);
  }
  return { constant, factors };
}

function isPlain(node: Node): boolean {
  return (node.attributes as { activation: Activation }).activation === "none";
}

function recognised(
  graph: Graph,
  wiring: Wiring,
  { constant, factors }: Product,
): { x: number; attributes: Unary } | null {
  if (factors.length === 1) {
    const x = shiftedClip(graph, wiring, factors[0]!);
    return x !== null && near(constant, 1 / 6) ? { x, attributes: SIXTH } : null;
  }
  if (factors.length !== 2) return null;
  for (const [x, gate] of [factors, factors.toReversed()] as [number, number][]) {
    const writer = wiring.writer.get(gate);
    const attributes = writer?.op === "unary" ? (writer.attributes as Unary) : null;
    if (attributes !== null && writer!.inputs[0] === x && near(constant, 1)) {
      if (attributes.function === "sigmoid") return { x, attributes: { function: "silu" } };
      const isSixth = near(attributes.alpha ?? 0, 1 / 6) && near(attributes.beta ?? 0, 0.5);
      if (attributes.function === "hardSigmoid" && isSixth)
        return { x, attributes: { function: "hardSwish" } };
    }
    if (shiftedClip(graph, wiring, gate) === x && near(constant, 1 / 6)) {
      return { x, attributes: { function: "hardSwish" } };
    }
    if (onePlusErf(graph, wiring, gate) === x && near(constant, 0.5)) {
      return { x, attributes: { function: "gelu" } };
    }
  }
  return null;
}

/** x of clip(x + 3, 0, 6), or null. */
function shiftedClip(graph: Graph, wiring: Wiring, tensor: number): number | null {
  const clip = wiring.writer.get(tensor);
  if (clip?.op !== "requantize" || (clip.attributes as { activation: Activation }).activation !== "relu6") {
    return null;
  }
  return plus(graph, wiring, clip.inputs[0]!, 3);
}

/** x of erf(x / sqrt 2) + 1, or null. */
function onePlusErf(graph: Graph, wiring: Wiring, tensor: number): number | null {
  const sum = plus(graph, wiring, tensor, 1);
  const erf = wiring.writer.get(sum ?? -1);
  if (erf?.op !== "unary" || (erf.attributes as Unary).function !== "erf") return null;
  const scaled = wiring.writer.get(erf.inputs[0]!);
  if (scaled?.op !== "mul") return null;
  const found = withConstant(graph, scaled);
  const matches = found?.constant.data.length === 1 && near(found.constant.data[0]!, Math.SQRT1_2);
  return matches ? found!.x : null;
}

/** x of x + value, or null. */
function plus(graph: Graph, wiring: Wiring, tensor: number, value: number): number | null {
  const sum = wiring.writer.get(tensor);
  if (sum?.op !== "add" || !isPlain(sum)) return null;
  const found = withConstant(graph, sum);
  return found?.constant.data.length === 1 && near(found.constant.data[0]!, value) ? found.x : null;
}

function near(found: number, value: number): boolean {
  return Math.abs(found - value) <= 1e-4 * Math.abs(value);
}
