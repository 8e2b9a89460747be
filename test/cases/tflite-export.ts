// A quantized Graph as a TFLite file, as the converter would write it: for comparisons with the same graph in ONNX.
import type { Builder } from "flatbuffers";
import type { Graph, Node, Tensor } from "../../src/graph/graph.ts";
import * as schema from "../../src/import/tflite/schema.generated.ts";
import type { Activation } from "../../src/ops/activation.ts";
import type { Halo } from "../../src/ops/index.ts";
import {
  buildTflite,
  type TfliteModel,
  type TfliteOperator,
  type TfliteTensor,
  type WriteOptions,
} from "./tflite.ts";

const { BuiltinOperator: Op, BuiltinOptions: T, Fused, Padding, TensorType: Type } = schema;

type Sizes = readonly number[];
type Attributes = Record<string, unknown> & {
  readonly activation?: Activation;
  readonly padding?: Halo;
};

const FUSED: Readonly<Record<Activation, number>> = {
  none: Fused.NONE,
  relu: Fused.RELU,
  relu6: Fused.RELU6,
  reluN1To1: Fused.RELU_N1_TO_1,
};

/** What a graph has that TFLite cannot say. */
export class NoTfliteForm extends Error {}

type Table = (b: Builder) => number;
const table =
  (type: number, write: Table): WriteOptions =>
  (b) => [type, write(b)];

class Exporter {
  readonly tensors: TfliteTensor[];
  readonly operators: TfliteOperator[] = [];
  readonly graph: Graph;

  constructor(graph: Graph) {
    this.graph = graph;
    this.tensors = graph.tensors.map((tensor) => stored(tensor));
  }

  emit(code: number, inputs: Sizes, output: number, options?: WriteOptions): void {
    this.operators.push({ code, inputs, outputs: [output], ...(options && { options }) });
  }

  integers(values: Sizes): number {
    return this.tensors.push({ shape: [values.length], type: Type.INT32, data: Int32Array.from(values) }) - 1;
  }

  /** The input with explicit padding around it, where no scheme of TFLite's says the same. */
  padded(input: number, [top, left, bottom, right]: Halo): number {
    const { shape, ...rest } = this.tensors[input]!;
    const [n, h, w, c] = shape as [number, number, number, number];
    const output = this.tensors.push({ ...rest, shape: [n, h + top + bottom, w + left + right, c] }) - 1;
    const amounts = this.integers([0, 0, top, bottom, left, right, 0, 0]);
    this.tensors[amounts] = { ...this.tensors[amounts]!, shape: [4, 2] };
    this.emit(Op.PAD, [input, amounts], output);
    return output;
  }
}

function stored({ name, shape, dtype, data, quantization }: Tensor): TfliteTensor {
  const { scale, zeroPoint, axis, bits = 8 } = quantization ?? { scale: [], zeroPoint: [], axis: null };
  if (bits < 8 && data === undefined) throw new NoTfliteForm("packed activations");
  if (data !== undefined && dtype === "int8" && axis !== null && zeroPoint.some((zero) => zero !== 0)) {
    throw new NoTfliteForm("zero points of weights");
  }
  const type = { int8: Type.INT8, int32: Type.INT32, float32: Type.FLOAT32 }[dtype as "int8"];
  if (type === undefined) throw new NoTfliteForm(dtype);
  const affine = quantization && { scale, zeroPoint, ...(axis !== null && { axis }) };
  return { name, shape, type, ...(data && { data }), ...affine };
}

type Export = (exporter: Exporter, node: Node<Attributes>) => void;

/** The scheme that says this padding; undefined where none does. */
function scheme(padding: Halo, size: Sizes, reach: Sizes, stride: Sizes): number | undefined {
  if (padding.every((pixels) => pixels === 0)) return Padding.VALID;
  const same = [0, 1].map((axis) => {
    const total = Math.max(
      0,
      (Math.ceil(size[axis]! / stride[axis]!) - 1) * stride[axis]! + reach[axis]! - size[axis]!,
    );
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  });
  const expected = [same[0]![0], same[1]![0], same[0]![1], same[1]![1]];
  return expected.join() === padding.join() ? Padding.SAME : undefined;
}

const convolution: Export = (exporter, node) => {
  const [source, weights, bias = -1] = node.inputs as [number, number, number?];
  const { stride, dilation } = node.attributes as unknown as { stride: Sizes; dilation: Sizes };
  const { shape } = exporter.graph.tensors[weights]!;
  const size = exporter.graph.tensors[source]!.shape.slice(1, 3);
  const reach = [0, 1].map((axis) => (shape[axis + 1]! - 1) * dilation[axis]! + 1);
  const fused = FUSED[node.attributes.activation ?? "none"];
  const found = scheme(node.attributes.padding!, size, reach, stride);
  const input = found === undefined ? exporter.padded(source, node.attributes.padding!) : source;
  const padding = found ?? Padding.VALID;
  const [w, h, dw, dh] = [stride[1]!, stride[0]!, dilation[1]!, dilation[0]!];
  exporter.emit(
    node.op === "conv" ? Op.CONV_2D : Op.DEPTHWISE_CONV_2D,
    [input, weights, bias],
    node.outputs[0]!,
    node.op === "conv"
      ? table(T.Conv2DOptions, (b) =>
          schema.Conv2DOptions.createConv2DOptions(b, padding, w, h, fused, dw, dh),
        )
      : table(T.DepthwiseConv2DOptions, (b) =>
          schema.DepthwiseConv2DOptions.createDepthwiseConv2DOptions(b, padding, w, h, 1, fused, dw, dh),
        ),
  );
};

const pool: Export = (exporter, node) => {
  const { kernel, stride, rounding } = node.attributes as unknown as {
    kernel: Sizes;
    stride: Sizes;
    rounding?: string;
  };
  const size = exporter.graph.tensors[node.inputs[0]!]!.shape.slice(1, 3);
  const padding = scheme(node.attributes.padding!, size, kernel, stride);
  if (padding === undefined) throw new NoTfliteForm("the padding of a pool");
  if (rounding === "halfUp") throw new NoTfliteForm("an average that rounds half up");
  const fused = FUSED[node.attributes.activation ?? "none"];
  const code = node.op === "maxPool" ? Op.MAX_POOL_2D : Op.AVERAGE_POOL_2D;
  exporter.emit(
    code,
    node.inputs,
    node.outputs[0]!,
    table(T.Pool2DOptions, (b) =>
      schema.Pool2DOptions.createPool2DOptions(
        b,
        padding,
        stride[1]!,
        stride[0]!,
        kernel[1]!,
        kernel[0]!,
        fused,
      ),
    ),
  );
};

/** An operator whose further inputs are lists of integers. */
function listed(
  code: number,
  lists: (attributes: Attributes) => readonly Sizes[],
  options?: WriteOptions,
): Export {
  return (exporter, node) => {
    const operands = lists(node.attributes).map((values) => exporter.integers(values));
    exporter.emit(code, [...node.inputs, ...operands], node.outputs[0]!, options);
  };
}

function simple(code: number, options?: (attributes: Attributes) => WriteOptions): Export {
  return (exporter, node) => exporter.emit(code, node.inputs, node.outputs[0]!, options?.(node.attributes));
}

/** Where the operator has no fused activation, only "none" has a form. */
function unfused(code: number, options?: (attributes: Attributes) => WriteOptions): Export {
  return (exporter, node) => {
    if ((node.attributes.activation ?? "none") !== "none") throw new NoTfliteForm("an activation");
    simple(code, options)(exporter, node);
  };
}

const fusedIn = (type: number, create: (b: Builder, fused: number) => number) => (attributes: Attributes) =>
  table(type, (b) => create(b, FUSED[attributes.activation ?? "none"]));
const kept = table(T.ReducerOptions, (b) => schema.ReducerOptions.createReducerOptions(b, true));

const FUNCTIONS: Readonly<Record<string, number>> = {
  sigmoid: Op.LOGISTIC,
  tanh: Op.TANH,
  hardSwish: Op.HARD_SWISH,
  gelu: Op.GELU,
  leakyRelu: Op.LEAKY_RELU,
};
const CLAMPS: Readonly<Record<Activation, number>> = {
  none: Op.QUANTIZE,
  relu: Op.RELU,
  relu6: Op.RELU6,
  reluN1To1: Op.RELU_N1_TO_1,
};

const EXPORTS: Readonly<Record<string, Export>> = {
  conv: convolution,
  depthwise: convolution,
  dense: simple(
    Op.FULLY_CONNECTED,
    fusedIn(T.FullyConnectedOptions, (b, fused) =>
      schema.FullyConnectedOptions.createFullyConnectedOptions(b, fused, 0, false),
    ),
  ),
  add: simple(Op.ADD, fusedIn(T.AddOptions, schema.AddOptions.createAddOptions)),
  sub: simple(Op.SUB, fusedIn(T.SubOptions, schema.SubOptions.createSubOptions)),
  mul: simple(Op.MUL, fusedIn(T.MulOptions, schema.MulOptions.createMulOptions)),
  minimum: unfused(Op.MINIMUM),
  maximum: unfused(Op.MAXIMUM),
  prelu: unfused(Op.PRELU),
  maxPool: pool,
  averagePool: pool,
  mean: listed(Op.MEAN, ({ axes }) => [axes as Sizes], kept),
  sum: listed(Op.SUM, ({ axes }) => [axes as Sizes], kept),
  softmax: simple(Op.SOFTMAX, ({ beta }) =>
    table(T.SoftmaxOptions, (b) => schema.SoftmaxOptions.createSoftmaxOptions(b, beta as number)),
  ),
  l2Normalization: simple(Op.L2_NORMALIZATION),
  concat: simple(Op.CONCATENATION, ({ axis }) =>
    table(T.ConcatenationOptions, (b) =>
      schema.ConcatenationOptions.createConcatenationOptions(b, axis as number, Fused.NONE),
    ),
  ),
  transpose: listed(Op.TRANSPOSE, ({ permutation }) => [permutation as Sizes]),
  slice(exporter, node) {
    const { begin, size, strides } = node.attributes as unknown as Record<string, Sizes>;
    const last = begin!.map((first, axis) => first + size![axis]! * strides![axis]!);
    // A walk backwards past the start has no end that is a number: its bit in the mask says so.
    const mask = last.reduce((bits, end, axis) => (end < 0 ? bits | (1 << axis) : bits), 0);
    const options = table(T.StridedSliceOptions, (b) =>
      schema.StridedSliceOptions.createStridedSliceOptions(b, 0, mask, 0, 0, 0, false),
    );
    listed(
      Op.STRIDED_SLICE,
      () => [begin!, last.map((end) => Math.max(0, end)), strides!],
      options,
    )(exporter, node);
  },
  gather: (exporter, node) => {
    const { axis, indices } = node.attributes as unknown as { axis: number; indices: Sizes };
    const options = table(T.GatherOptions, (b) => schema.GatherOptions.createGatherOptions(b, axis, 0));
    listed(Op.GATHER, () => [indices], options)(exporter, node);
  },
  spaceToDepth: simple(Op.SPACE_TO_DEPTH, ({ block }) =>
    table(T.SpaceToDepthOptions, (b) =>
      schema.SpaceToDepthOptions.createSpaceToDepthOptions(b, block as number),
    ),
  ),
  depthToSpace: simple(Op.DEPTH_TO_SPACE, ({ block }) =>
    table(T.DepthToSpaceOptions, (b) =>
      schema.DepthToSpaceOptions.createDepthToSpaceOptions(b, block as number),
    ),
  ),
  pad(exporter, node) {
    const { padding, channels, stride = [1, 1] } = node.attributes as unknown as Record<string, Sizes>;
    if (stride.some((step) => step !== 1)) throw new NoTfliteForm("zeros between pixels");
    const [top, left, bottom, right] = padding as [number, number, number, number];
    const amounts = exporter.integers([0, 0, top, bottom, left, right, ...channels!]);
    exporter.tensors[amounts] = { ...exporter.tensors[amounts]!, shape: [4, 2] };
    exporter.emit(Op.PAD, [...node.inputs, amounts], node.outputs[0]!);
  },
  reshape: listed(Op.RESHAPE, ({ shape }) => [shape as Sizes]),
  requantize: (exporter, node) => simple(CLAMPS[node.attributes.activation ?? "none"])(exporter, node),
  unary(exporter, node) {
    const { function: name, alpha = 1 } = node.attributes as unknown as { function: string; alpha?: number };
    const code = FUNCTIONS[name];
    if (code === undefined) throw new NoTfliteForm(name);
    const options =
      name === "leakyRelu" &&
      (() => table(T.LeakyReluOptions, (b) => schema.LeakyReluOptions.createLeakyReluOptions(b, alpha)));
    simple(code, options || undefined)(exporter, node);
  },
};

/** A quantized graph as the description of a TFLite file. Throws NoTfliteForm. */
export function describeTflite(graph: Graph): TfliteModel {
  const exporter = new Exporter(graph);
  for (const node of graph.nodes) {
    const write = EXPORTS[node.op];
    if (write === undefined) throw new NoTfliteForm(node.op);
    write(exporter, node as Node<Attributes>);
  }
  return {
    tensors: exporter.tensors,
    operators: exporter.operators,
    inputs: graph.inputs.map(({ tensor }) => tensor),
    outputs: graph.outputs.map(({ tensor }) => tensor),
  };
}

export function exportTflite(graph: Graph): Uint8Array {
  return buildTflite(describeTflite(graph));
}

/** The graph with every scale a float32, as both file formats store them. */
export function inFloat32(graph: Graph): Graph {
  const tensors = graph.tensors.map((tensor) => {
    const { quantization } = tensor;
    if (quantization === undefined) return tensor;
    return { ...tensor, quantization: { ...quantization, scale: quantization.scale.map(Math.fround) } };
  });
  return { ...graph, tensors };
}
