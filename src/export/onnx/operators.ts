// How each op is said in ONNX: NHWC as NCHW, activations as nodes of their own, codes between quantize and dequantize.
import { DyadicError } from "../../error.ts";
import { type Node, sameQuantization } from "../../graph/graph.ts";
import type { Activation } from "../../ops/activation.ts";
import type { UnaryFunction } from "../../ops/unary.ts";
import type { OnnxAttributes } from "./encode.ts";
import { channelsFirst, type Exporter, fileAxis, kernelsFirst } from "./exporter.ts";

type Attributes = Readonly<Record<string, unknown>>;
type Export = (exporter: Exporter, node: Node<Attributes>) => void;
type Sizes = readonly number[];

function unsupported(node: Node, found: string): DyadicError {
  return new DyadicError("UNSUPPORTED_OP", "this op has no form in ONNX here", {
    node: node.name,
    op: node.op,
    found,
  });
}

/** An op on reals: its operands dequantized, `more` inputs behind them, its result clamped and quantized. */
function real(
  exporter: Exporter,
  node: Node<Attributes>,
  type: string,
  attributes: OnnxAttributes = {},
  more: readonly string[] = [],
): void {
  const activation = (node.attributes?.activation ?? "none") as Activation;
  const output = node.outputs[0]!;
  const operands = [...node.inputs.map((_, position) => exporter.reals(node, position)), ...more];
  const target = exporter.target(output, activation);
  exporter.finish(exporter.emit(type, operands, target, attributes, node.name), output, activation);
}

/** An op that moves elements, done on the codes themselves. */
function moved(
  exporter: Exporter,
  node: Node<Attributes>,
  type: string,
  more: readonly string[] = [],
  attributes: OnnxAttributes = {},
): void {
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
  exporter.emit(type, [exporter.stored(input), ...more], exporter.stored(output), attributes, node.name);
}

function convolution(exporter: Exporter, node: Node<Attributes>): void {
  const [input, weights, bias] = node.inputs as [number, number, number | undefined];
  const { stride, dilation, padding, groups } = node.attributes as Record<string, Sizes> & {
    groups?: number;
  };
  const activation = node.attributes.activation as Activation;
  const depthwise = node.op === "depthwise";
  const { dims, values } = kernelsFirst(exporter.tensor(weights), depthwise);
  const operands = [
    exporter.reals(node),
    exporter.weights(weights, dims, values),
    ...exporter.bias(bias, input, weights),
  ];
  const output = node.outputs[0]!;
  const attributes = {
    kernel_shape: dims.slice(2),
    strides: stride!,
    dilations: dilation!,
    pads: padding!,
    group: depthwise ? dims[0]! : (groups ?? 1),
  };
  const result = exporter.emit("Conv", operands, exporter.target(output, activation), attributes, node.name);
  exporter.finish(result, output, activation);
}

function dense(exporter: Exporter, node: Node<Attributes>): void {
  const [input, weights, bias] = node.inputs as [number, number, number | undefined];
  const activation = node.attributes.activation as Activation;
  const { shape, data } = exporter.tensor(weights);
  const operands = [
    exporter.reals(node),
    exporter.weights(weights, shape, data as Int8Array | Float32Array),
    ...exporter.bias(bias, input, weights),
  ];
  const output = node.outputs[0]!;
  const target = exporter.target(output, activation);
  exporter.finish(exporter.emit("Gemm", operands, target, { transB: 1 }, node.name), output, activation);
}

function average(exporter: Exporter, node: Node<Attributes>): void {
  const [, height, width] = exporter.tensor(node.inputs[0]!).shape;
  const axes = node.attributes.axes as Sizes | undefined;
  const meanKernel = axes && [axes.includes(1) ? height! : 1, axes.includes(2) ? width! : 1];
  const kernel = meanKernel ?? (node.attributes.kernel as Sizes);
  const padding = (node.attributes.padding as Sizes | undefined) ?? [0, 0, 0, 0];
  const isGlobal = kernel[0] === height && kernel[1] === width && padding.every((pixels) => pixels === 0);
  const window = {
    kernel_shape: kernel,
    strides: (node.attributes.stride as Sizes | undefined) ?? kernel,
    pads: padding,
  };
  real(exporter, node, isGlobal ? "GlobalAveragePool" : "AveragePool", isGlobal ? {} : window);
}

function softmax(exporter: Exporter, node: Node<Attributes>): void {
  const output = node.outputs[0]!;
  const { length } = exporter.tensor(output).shape;
  const beta = node.attributes.beta as number;
  let logits = exporter.reals(node);
  if (beta !== 1) {
    // Of codes the product would need a scale of its own, which nobody has chosen.
    if (exporter.isQuantized(node.inputs[0]!)) throw unsupported(node, `codes with beta ${beta}`);
    const times = exporter.scalar(`number_${beta}`, beta);
    logits = exporter.emit("Mul", [logits, times], exporter.local(output, "logits"));
  }
  const target = exporter.target(output, "none");
  const attributes = { axis: length === 4 ? 1 : -1 };
  exporter.finish(exporter.emit("Softmax", [logits], target, attributes, node.name), output, "none");
}

function requantize(exporter: Exporter, node: Node<Attributes>): void {
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
  const same = sameQuantization(exporter.tensor(input), exporter.tensor(output));
  if (node.attributes.activation === "none" && same) moved(exporter, node, "Identity");
  else real(exporter, node, "Identity");
}

function maxPool(exporter: Exporter, node: Node<Attributes>): void {
  const { kernel, stride, padding } = node.attributes as Record<string, Sizes>;
  const attributes = { kernel_shape: kernel!, strides: stride!, pads: padding! };
  if (node.attributes.activation === "none") moved(exporter, node, "MaxPool", [], attributes);
  else real(exporter, node, "MaxPool", attributes);
}

function pad(exporter: Exporter, node: Node<Attributes>): void {
  const { padding, channels, stride } = node.attributes as Record<string, Sizes>;
  if (stride?.some((step) => step !== 1)) throw unsupported(node, "zeros between pixels");
  const [top, left, bottom, right] = padding as [number, number, number, number];
  const pads = [0, channels![0]!, top, left, 0, channels![1]!, bottom, right];
  const amounts = exporter.integers(exporter.local(node.outputs[0]!, "pads"), pads);
  const fill = exporter.fill(node.inputs[0]!, (node.attributes.value as number | undefined) ?? 0);
  moved(exporter, node, "Pad", [amounts, fill]);
}

function isSpatial(shape: Sizes): boolean {
  return shape.length === 4 && shape[1]! * shape[2]! !== 1;
}

/** Where channels would mix with pixels, elements go into the graph's order first and back into the file's after. */
function reshape(exporter: Exporter, node: Node<Attributes>): void {
  const [input, output] = [node.inputs[0]!, node.outputs[0]!];
  const [from, to] = [exporter.tensor(input).shape, exporter.tensor(output).shape];
  let value = exporter.stored(input);
  const result = exporter.stored(output);
  if (isSpatial(from)) {
    const last = exporter.local(output, "channels_last");
    value = exporter.emit("Transpose", [value], last, { perm: [0, 2, 3, 1] });
  }
  const dims = isSpatial(to) ? to : channelsFirst(to);
  const shape = exporter.integers(exporter.local(output, "shape"), dims);
  const reshaped = isSpatial(to) ? exporter.local(output, "reshaped") : result;
  exporter.emit("Reshape", [value, shape], reshaped, {}, node.name);
  if (isSpatial(to)) exporter.emit("Transpose", [reshaped], result, { perm: [0, 3, 1, 2] });
}

function transpose(exporter: Exporter, node: Node<Attributes>): void {
  const permutation = node.attributes.permutation as Sizes;
  const rank = permutation.length;
  const graphAxis = (axis: number) => (rank === 4 ? [0, 3, 1, 2][axis]! : axis);
  const perm = permutation.map((_, axis) => fileAxis(permutation[graphAxis(axis)]!, rank));
  moved(exporter, node, "Transpose", [], { perm });
}

/** Before every element, for a walk backwards: a slice may not end at -1, which is the last. */
const BEFORE_ALL = -(2 ** 31);

function slice(exporter: Exporter, node: Node<Attributes>): void {
  const { begin, size, strides } = node.attributes as Record<string, Sizes>;
  const output = node.outputs[0]!;
  const ends = begin!.map((first, axis) => {
    const last = first + (size![axis]! - 1) * strides![axis]!;
    return last + Math.sign(strides![axis]!) < 0 ? BEFORE_ALL : last + Math.sign(strides![axis]!);
  });
  const axes = begin!.map((_, axis) => fileAxis(axis, begin!.length));
  const list = (role: string, values: Sizes) => exporter.integers(exporter.local(output, role), values);
  const inputs = [list("starts", begin!), list("ends", ends), list("axes", axes), list("steps", strides!)];
  moved(exporter, node, "Slice", inputs);
}

function gather(exporter: Exporter, node: Node<Attributes>): void {
  const { axis, indices } = node.attributes as { axis: number; indices: Sizes };
  const { length } = exporter.tensor(node.inputs[0]!).shape;
  const list = exporter.integers(exporter.local(node.outputs[0]!, "indices"), indices);
  moved(exporter, node, "Gather", [list], { axis: fileAxis(axis, length) });
}

function concat(exporter: Exporter, node: Node<Attributes>): void {
  const { length } = exporter.tensor(node.outputs[0]!).shape;
  real(exporter, node, "Concat", { axis: fileAxis(node.attributes.axis as number, length) });
}

function resize(exporter: Exporter, node: Node<Attributes>): void {
  const { mode, size, alignCorners, halfPixelCenters, rounding } = node.attributes as {
    mode: "nearest" | "bilinear";
    size: Sizes;
    alignCorners: boolean;
    halfPixelCenters: boolean;
    rounding?: string;
  };
  const [, , , channels] = exporter.tensor(node.inputs[0]!).shape;
  const sizes = exporter.integers(exporter.local(node.outputs[0]!, "size"), [1, channels!, ...size]);
  const shifted = alignCorners || halfPixelCenters;
  const where = halfPixelCenters ? "half_pixel" : "asymmetric";
  const attributes = {
    mode: mode === "nearest" ? "nearest" : "linear",
    coordinate_transformation_mode: alignCorners ? "align_corners" : where,
    nearest_mode: rounding ?? (shifted ? "round_prefer_ceil" : "floor"),
  };
  real(exporter, node, "Resize", attributes, ["", "", sizes]);
}

/** Sums keep their dimensions of 1. */
function sum(exporter: Exporter, node: Node<Attributes>): void {
  const axes = (node.attributes.axes as Sizes).map((axis) => fileAxis(axis, 4));
  const list = exporter.integers(exporter.local(node.outputs[0]!, "axes"), axes);
  real(exporter, node, "ReduceSum", { keepdims: 1 }, [list]);
}

const ROOT_TWO_OVER_PI = 0.7978845608028654;

interface UnaryAttributes {
  readonly function: UnaryFunction;
  readonly alpha?: number;
  readonly beta?: number;
}

/** Functions that are one operator; alpha and beta go to those that know them. */
const FUNCTIONS: Partial<Record<UnaryFunction, string>> = {
  sigmoid: "Sigmoid",
  tanh: "Tanh",
  hardSigmoid: "HardSigmoid",
  hardSwish: "HardSwish",
  elu: "Elu",
  leakyRelu: "LeakyRelu",
  erf: "Erf",
  exp: "Exp",
  sqrt: "Sqrt",
  abs: "Abs",
  neg: "Neg",
};

const PARAMETERS: Partial<Record<UnaryFunction, readonly string[]>> = {
  hardSigmoid: ["alpha", "beta"],
  elu: ["alpha"],
  leakyRelu: ["alpha"],
};

function unary(exporter: Exporter, node: Node<Attributes>): void {
  const { function: name, alpha = 1, beta = 0 } = node.attributes as unknown as UnaryAttributes;
  const type = FUNCTIONS[name];
  const output = node.outputs[0]!;
  if (type !== undefined) {
    const known: OnnxAttributes = { alpha: { float: alpha }, beta: { float: beta } };
    const names = PARAMETERS[name] ?? [];
    real(exporter, node, type, Object.fromEntries(names.map((key) => [key, known[key]!])));
    return;
  }
  const x = exporter.reals(node);
  const target = exporter.target(output, "none");
  if (name === "clip") exporter.clip(x, alpha, beta, target);
  else composed(exporter, output, name, x, target, node);
  exporter.finish(target, output, "none");
}

/** Functions that are several operators; the last one has the node's name. */
function composed(
  exporter: Exporter,
  output: number,
  name: UnaryFunction,
  x: string,
  target: string,
  node: Node,
): void {
  let steps = 0;
  const step = (type: string, ...inputs: string[]) =>
    exporter.emit(type, inputs, exporter.local(output, `step${++steps}`));
  const last = (type: string, ...inputs: string[]) => exporter.emit(type, inputs, target, {}, node.name);
  const number = (value: number) => exporter.scalar(`number_${value}`, value);
  const gate = (inner: string) => {
    const half = step("Mul", x, number(0.5));
    last("Mul", half, step("Add", inner, number(1)));
  };
  if (name === "square") last("Mul", x, x);
  else if (name === "rsqrt") last("Reciprocal", step("Sqrt", x));
  else if (name === "silu") last("Mul", x, step("Sigmoid", x));
  else if (name === "gelu") gate(step("Erf", step("Mul", x, number(Math.SQRT1_2))));
  else if (name === "geluTanh") {
    const cube = step("Mul", step("Mul", step("Mul", x, x), x), number(0.044715));
    gate(step("Tanh", step("Mul", step("Add", x, cube), number(ROOT_TWO_OVER_PI))));
  } else throw unsupported(node, name);
}

/** By op of the graph. */
export const EXPORTS: Readonly<Record<string, Export>> = {
  conv: convolution,
  depthwise: convolution,
  dense,
  add: (exporter, node) => real(exporter, node, "Add"),
  sub: (exporter, node) => real(exporter, node, "Sub"),
  mul: (exporter, node) => real(exporter, node, "Mul"),
  minimum: (exporter, node) => real(exporter, node, "Min"),
  maximum: (exporter, node) => real(exporter, node, "Max"),
  prelu: (exporter, node) => real(exporter, node, "PRelu"),
  unary,
  averagePool: average,
  mean: average,
  sum,
  maxPool,
  l2Normalization(exporter, node) {
    const { length } = exporter.tensor(node.inputs[0]!).shape;
    real(exporter, node, "LpNormalization", { axis: fileAxis(length - 1, length), p: 2 });
  },
  softmax,
  concat,
  slice,
  transpose,
  gather,
  resize,
  spaceToDepth: (exporter, node) =>
    real(exporter, node, "SpaceToDepth", { blocksize: node.attributes.block as number }),
  depthToSpace: (exporter, node) =>
    real(exporter, node, "DepthToSpace", { blocksize: node.attributes.block as number }),
  pad,
  reshape,
  requantize,
};

/** Appends the nodes that an op becomes. Throws UNSUPPORTED_OP, naming the node. */
export function exportNode(exporter: Exporter, node: Node): void {
  const write = Object.hasOwn(EXPORTS, node.op) ? EXPORTS[node.op] : undefined;
  if (write === undefined) throw unsupported(node, node.op);
  write(exporter, node as Node<Attributes>);
}
