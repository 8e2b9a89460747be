import type { Graph, Node, Tensor } from "../../src/graph/graph.ts";
import type { Layer } from "./layer.ts";
import { PIXELS, SIDE } from "./mnist.ts";
import { CLASSES, type Network } from "./network.ts";

/** Smallest and largest value that a layer put out. */
interface Range {
  readonly min: number;
  readonly max: number;
}

interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** A chain of nodes in the making: each takes what the one before it put out, and its own constants. */
interface Chain {
  readonly tensors: Tensor[];
  readonly nodes: Node[];
  /** Index of the last output. */
  value: number;
}

/**
 * The trained network as a quantized graph: weights symmetric per output channel, activations affine per tensor with
 * the extremes seen over `images` (0..1), the input the bytes of a picture.
 */
export function quantize(network: Network, images: readonly Float64Array[]): Graph {
  const shape = [1, SIDE, SIDE, 1];
  const input = activation("image", shape, { scale: 1 / 255, zeroPoint: -128 });
  const chain: Chain = { tensors: [input], nodes: [], value: 0 };
  const ranges = observe(network, images);
  network.layers.forEach((layer, i) => {
    const [height, width] = layer.geometry.output;
    if (height * width > 1) appendConv(chain, layer, `conv${i + 1}`, ranges[i]!);
    else appendDense(chain, layer, ranges[i]!);
  });
  const probabilities = activation("probabilities", [1, CLASSES], { scale: 1 / 256, zeroPoint: -128 });
  append(chain, "softmax", "softmax", [], { beta: 1 }, probabilities);
  const { tensors, nodes, value } = chain;
  const labels = Array.from({ length: CLASSES }, (_, digit) => `${digit}`);
  return {
    name: "digits",
    tensors,
    nodes,
    inputs: [{ name: "image", tensor: 0, dtype: "uint8", shape, layout: "NHWC" }],
    outputs: [
      {
        name: "probabilities",
        tensor: value,
        dtype: "int8",
        shape: [1, CLASSES],
        layout: "flat",
        labels,
      },
    ],
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

function appendConv(chain: Chain, layer: Layer, name: string, range: Range): void {
  const { input, channels, kernel, output } = layer.geometry;
  const constants = constantsOf(layer, name, chain, [channels, kernel, kernel, input[2]]);
  const features = activation(`${name}.features`, [1, ...output, channels], affine(range));
  append(chain, "conv", name, constants, convAttributes(layer), features);
}

function appendDense(chain: Chain, layer: Layer, range: Range): void {
  const shape = [1, layer.taps];
  append(chain, "reshape", "flatten", [], { shape }, { ...chain.tensors[chain.value]!, name: "flat", shape });
  const { channels } = layer.geometry;
  const constants = constantsOf(layer, "dense", chain, [channels, layer.taps]);
  const logits = activation("logits", [1, channels], affine(range));
  append(chain, "dense", "dense", constants, { activation: "none" }, logits);
}

function activation(name: string, shape: readonly number[], affine: Affine): Tensor {
  const quantization = { scale: [affine.scale], zeroPoint: [affine.zeroPoint], axis: null };
  return { name, dtype: "int8", shape, quantization };
}

/** Every layer's output range, 0 included, so that padding and relu have an exact code. */
function observe(network: Network, images: readonly Float64Array[]): Range[] {
  const ranges = network.layers.map(() => ({ min: 0, max: 0 }));
  for (const image of images) {
    network.forward(image);
    network.layers.forEach(({ output }, i) => {
      const range = ranges[i]!;
      range.min = output.reduce((a, b) => Math.min(a, b), range.min);
      range.max = output.reduce((a, b) => Math.max(a, b), range.max);
    });
  }
  return ranges;
}

function affine({ min, max }: Range): Affine {
  const scale = Math.fround((max - min) / 255);
  return { scale, zeroPoint: Math.round(-128 - min / scale) };
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

/** Weight codes with the scale max|w| / 127 of each channel, and biases in units of the accumulator of the chain's value. */
function constantsOf(
  layer: Layer,
  name: string,
  { tensors, value }: Chain,
  shape: readonly number[],
): [weights: Tensor, bias: Tensor] {
  const { taps } = layer;
  const inputScale = tensors[value]!.quantization!.scale[0]!;
  const { channels } = layer.geometry;
  const values = layer.weights.values;
  const scales = Array.from({ length: channels }, (_, o) => {
    const row = values.subarray(o * taps, (o + 1) * taps);
    return Math.fround(row.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-12) / 127);
  });
  const codes = Int8Array.from(values, (weight, i) => {
    const code = Math.round(weight / scales[Math.floor(i / taps)]!);
    return Math.max(-127, Math.min(127, code));
  });
  const biasScales = scales.map((scale) => scale * inputScale);
  const bias = Int32Array.from(layer.bias.values, (real, o) => Math.round(real / biasScales[o]!));
  const perChannel = (scale: readonly number[]) => ({ scale, zeroPoint: scale.map(() => 0), axis: 0 });
  return [
    { name: `${name}.weights`, dtype: "int8", shape, quantization: perChannel(scales), data: codes },
    {
      name: `${name}.bias`,
      dtype: "int32",
      shape: [channels],
      quantization: perChannel(biasScales),
      data: bias,
    },
  ];
}

/** One image of a set as numbers of 0..1. */
export function asReals(pixels: Uint8Array, index: number): Float64Array {
  return Float64Array.from(pixels.subarray(index * PIXELS, (index + 1) * PIXELS), (value) => value / 255);
}
