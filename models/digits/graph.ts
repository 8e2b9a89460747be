import type { Graph, Node, Tensor } from "../../src/graph/graph.ts";
import type { Layer } from "./layer.ts";
import { PIXELS, SIDE } from "./mnist.ts";
import { CLASSES, type Network } from "./network.ts";

/** A chain of nodes in the making: each takes what the one before it put out, and its own constants. */
interface Chain {
  readonly tensors: Tensor[];
  readonly nodes: Node[];
  /** Index of the last output. */
  value: number;
}

/** The trained network as a float graph: what a picture of 0..1 shows, as probabilities. */
export function graphOf(network: Network): Graph {
  const shape = [1, SIDE, SIDE, 1];
  const chain: Chain = { tensors: [activation("image", shape)], nodes: [], value: 0 };
  network.layers.forEach((layer, i) => {
    const [height, width] = layer.geometry.output;
    if (height * width > 1) appendConv(chain, layer, `conv${i + 1}`);
    else appendDense(chain, layer);
  });
  const probabilities = activation("probabilities", [1, CLASSES]);
  append(chain, "softmax", "softmax", [], { beta: 1 }, probabilities);
  const { tensors, nodes, value } = chain;
  const border = { dtype: "float32", layout: "flat" } as const;
  return {
    name: "digits",
    tensors,
    nodes,
    inputs: [{ ...border, name: "image", tensor: 0, shape, layout: "NHWC" }],
    outputs: [{ ...border, name: "probabilities", tensor: value, shape: [1, CLASSES] }],
  };
}

function append(
  chain: Chain,
  op: string,
  name: string,
  constants: readonly Tensor[],
  attributes: unknown,
  output: Tensor,
): void {
  const first = chain.tensors.length;
  chain.tensors.push(...constants, output);
  const inputs = [chain.value, ...constants.map((_, i) => first + i)];
  chain.value = first + constants.length;
  chain.nodes.push({ name, op, inputs, outputs: [chain.value], attributes });
}

function appendConv(chain: Chain, layer: Layer, name: string): void {
  const { input, channels, kernel, output } = layer.geometry;
  const constants = constantsOf(layer, name, [channels, kernel, kernel, input[2]]);
  const features = activation(`${name}.features`, [1, ...output, channels]);
  append(chain, "conv", name, constants, convAttributes(layer), features);
}

function appendDense(chain: Chain, layer: Layer): void {
  const shape = [1, layer.taps];
  append(chain, "reshape", "flatten", [], { shape }, activation("flat", shape));
  const { channels } = layer.geometry;
  const constants = constantsOf(layer, "dense", [channels, layer.taps]);
  append(chain, "dense", "dense", constants, { activation: "none" }, activation("logits", [1, channels]));
}

function activation(name: string, shape: readonly number[]): Tensor {
  return { name, dtype: "float32", shape };
}

/** Padding as the layer's geometry has it: `before` above and left, below and right what the last window needs. */
function convAttributes({ geometry }: Layer) {
  const { input, kernel, stride, before, output } = geometry;
  const after = (axis: 0 | 1) => Math.max(0, (output[axis] - 1) * stride + kernel - before - input[axis]);
  return {
    stride: [stride, stride],
    dilation: [1, 1],
    padding: [before, before, after(0), after(1)],
    activation: "relu",
  };
}

function constantsOf({ weights, bias }: Layer, name: string, shape: readonly number[]): [Tensor, Tensor] {
  const constant = (role: string, of: readonly number[], data: Float64Array): Tensor => ({
    name: `${name}.${role}`,
    dtype: "float32",
    shape: of,
    data: Float32Array.from(data),
  });
  return [constant("weights", shape, weights.values), constant("bias", [bias.values.length], bias.values)];
}

/** One image of a set as numbers of 0..1. */
export function asReals(pixels: Uint8Array, index: number): Float64Array {
  return Float64Array.from(pixels.subarray(index * PIXELS, (index + 1) * PIXELS), (value) => value / 255);
}
