// The network of a quantized Graph as ONNX, so that peers compute what Dyadic computes: real weights, real scales.
import { DyadicError } from "../../src/error.ts";
import { type Graph, type Node, sameQuantization, type Tensor } from "../../src/graph/graph.ts";
import { type Activation, activationCodes } from "../../src/ops/activation.ts";
import {
  encodeOnnx,
  type OnnxAttributes,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
} from "./onnx-proto.ts";

/**
 * `int8`: every op between DequantizeLinear and QuantizeLinear, activations u8 (code + 128), weights s8 per channel,
 * biases s32, and u8 codes at the model's border: the form that onnxruntime runs best. `exported`: the form that its
 * own quantize_static writes by default: s8 activations and float borders. `float32`: the same real values without any
 * quantization.
 */
export type OnnxForm = "int8" | "exported" | "float32";

type Attributes = Readonly<Record<string, unknown>>;

class Exporter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly graph: Graph;
  private readonly quantized: boolean;
  private readonly signed: boolean;

  constructor(graph: Graph, form: OnnxForm) {
    this.graph = graph;
    this.quantized = form !== "float32";
    this.signed = form === "exported";
  }

  tensor(index: number): Tensor {
    return this.graph.tensors[index]!;
  }

  emit(type: string, inputs: readonly string[], output: string, attributes: OnnxAttributes = {}): string {
    this.nodes.push({ type, inputs, outputs: [output], attributes });
    return output;
  }

  constant(name: string, type: OnnxType, dims: readonly number[], data: ArrayBufferView): string {
    if (!this.initializers.some((known) => known.name === name)) {
      this.initializers.push({ name, type, dims, data });
    }
    return name;
  }

  private affine(index: number): [scale: string, zeroPoint: string] {
    const { scale, zeroPoint } = this.tensor(index).quantization!;
    return [
      this.constant(`${index}.scale`, "float32", [], Float32Array.of(scale[0]!)),
      this.constant(`${index}.zero`, this.type, [], this.code(zeroPoint[0]!)),
    ];
  }

  private code(code: number): ArrayBufferView {
    return this.signed ? Int8Array.of(code) : Uint8Array.of(code + 128);
  }

  /** A model input as floats, which the first node quantizes. */
  floatInput(index: number): string {
    this.emit("QuantizeLinear", [`${index}.border`, ...this.affine(index)], `${index}`);
    return `${index}.border`;
  }

  floatOutput(index: number): string {
    return this.emit("DequantizeLinear", [`${index}`, ...this.affine(index)], `${index}.border`);
  }

  /** The reals of an activation, for one reader: runtimes fuse an op only with a DequantizeLinear of its own. */
  reals(index: number, reader: Node): string {
    if (!this.quantized) return `${index}`;
    const name = `${index}.for.${reader.outputs[0]}.${reader.inputs.indexOf(index)}`;
    return this.emit("DequantizeLinear", [`${index}`, ...this.affine(index)], name);
  }

  /** Names an op's result as activation `index`: its clamp, where the codes do not clamp by themselves, and its codes. */
  finish(real: string, index: number, activation: Activation): void {
    const clamped = this.clamp(real, index, activation);
    if (this.quantized) this.emit("QuantizeLinear", [clamped, ...this.affine(index)], `${index}`);
  }

  /** Where the result of an op goes that `finish` follows. */
  target(index: number, activation: Activation): string {
    return this.quantized || activation !== "none" ? `${index}.real` : `${index}`;
  }

  private clamp(real: string, index: number, activation: Activation): string {
    const { scale, zeroPoint } = this.tensor(index).quantization!;
    const [min, max] = activationCodes(activation, scale[0]!, zeroPoint[0]!);
    if (activation === "none" || (this.quantized && min === -128 && max === 127)) return real;
    const output = this.quantized ? `${index}.clamped` : `${index}`;
    if (activation === "relu") return this.emit("Relu", [real], output);
    const [low, high] = activation === "relu6" ? [0, 6] : [-1, 1];
    const bounds = [low, high].map((bound) =>
      this.constant(`bound${bound}`, "float32", [], Float32Array.of(bound)),
    );
    return this.emit("Clip", [real, ...bounds], output);
  }

  /** Constant weights, already in ONNX order with output channels first. */
  weights(index: number, dims: readonly number[], codes: Int8Array): string {
    const { scale } = this.tensor(index).quantization!;
    const row = codes.length / dims[0]!;
    const of = (i: number) => scale[scale.length === 1 ? 0 : Math.floor(i / row)]!;
    if (!this.quantized) {
      return this.constant(
        `${index}`,
        "float32",
        dims,
        Float32Array.from(codes, (code, i) => code * of(i)),
      );
    }
    const values = this.constant(`${index}.codes`, "int8", dims, codes);
    const [scales, zeros] = this.scales(`${index}`, scale, true);
    const name = `${index}.real`;
    return this.emit("DequantizeLinear", [values, scales!, zeros!], name, { axis: 0 });
  }

  private scales(name: string, scale: readonly number[], zero: boolean): string[] {
    const dims = scale.length === 1 ? [] : [scale.length];
    const scales = this.constant(`${name}.scale`, "float32", dims, Float32Array.from(scale));
    return zero
      ? [scales, this.constant(`${name}.zero`, "int8", dims, new Int8Array(scale.length))]
      : [scales];
  }

  /** The bias in units of input scale times weight scale, or nothing. */
  bias(index: number | undefined, input: number, weights: number): string[] {
    if (index === undefined || index === -1) return [];
    const data = this.tensor(index).data as Int32Array;
    const from = this.tensor(input).quantization!.scale[0]!;
    const scale = this.tensor(weights).quantization!.scale.map((of) => from * of);
    const real = (code: number, i: number) => code * scale[scale.length === 1 ? 0 : i]!;
    const name = `${index}.bias`;
    if (!this.quantized)
      return [this.constant(name, "float32", [data.length], Float32Array.from(data, real))];
    const codes = this.constant(`${name}.codes`, "int32", [data.length], data);
    return [this.emit("DequantizeLinear", [codes, ...this.scales(name, scale, false)], name, { axis: 0 })];
  }

  /** What an activation is stored as. */
  get type(): OnnxType {
    if (!this.quantized) return "float32";
    return this.signed ? "int8" : "uint8";
  }

  /** Real 0 as an activation stores it. */
  zero(index: number): string {
    const z = this.tensor(index).quantization!.zeroPoint[0]!;
    const data = this.quantized ? this.code(z) : Float32Array.of(0);
    return this.constant(`${index}.fill`, this.type, [], data);
  }
}

/** [o][h][w][i] to [o][i][h][w]; depthwise weights [1][h][w][c] become [c][1][h][w]. */
function transposed({ shape, data }: Tensor, depthwise: boolean): { dims: number[]; codes: Int8Array } {
  const [outputs, height, width, inputs] = shape as [number, number, number, number];
  const source = data as Int8Array;
  const taps = height * width;
  const codes = new Int8Array(source.length);
  for (let o = 0; o < outputs; o++) {
    for (let tap = 0; tap < taps; tap++) {
      for (let i = 0; i < inputs; i++) {
        codes[(o * inputs + i) * taps + tap] = source[(o * taps + tap) * inputs + i]!;
      }
    }
  }
  return { dims: depthwise ? [inputs, 1, height, width] : [outputs, inputs, height, width], codes };
}

type Export = (exporter: Exporter, node: Node<Attributes>) => void;

function exportConvolution(exporter: Exporter, node: Node<Attributes>): void {
  const [input, weights, bias] = node.inputs as [number, number, number | undefined];
  const { stride, dilation, padding, activation } = node.attributes as Record<string, readonly number[]> & {
    activation: Activation;
  };
  const depthwise = node.op === "depthwise";
  const { dims, codes } = transposed(exporter.tensor(weights), depthwise);
  const operands = [
    exporter.reals(input, node),
    exporter.weights(weights, dims, codes),
    ...exporter.bias(bias, input, weights),
  ];
  const output = node.outputs[0]!;
  const real = exporter.emit("Conv", operands, exporter.target(output, activation), {
    kernel_shape: dims.slice(2),
    strides: stride!,
    dilations: dilation!,
    pads: padding!,
    group: depthwise ? dims[0]! : 1,
  });
  exporter.finish(real, output, activation);
}

function exportDense(exporter: Exporter, node: Node<Attributes>): void {
  const [input, weights, bias] = node.inputs as [number, number, number | undefined];
  const activation = node.attributes.activation as Activation;
  const { shape, data } = exporter.tensor(weights);
  const operands = [
    exporter.reals(input, node),
    exporter.weights(weights, shape, data as Int8Array),
    ...exporter.bias(bias, input, weights),
  ];
  const output = node.outputs[0]!;
  const real = exporter.emit("Gemm", operands, exporter.target(output, activation), { transB: 1 });
  exporter.finish(real, output, activation);
}

/** Ops that ONNX computes on reals with the same operands. */
function exportReal(
  exporter: Exporter,
  node: Node<Attributes>,
  type: string,
  attributes: OnnxAttributes = {},
): void {
  const activation = (node.attributes.activation ?? "none") as Activation;
  const output = node.outputs[0]!;
  const operands = node.inputs.map((input) => exporter.reals(input, node));
  exporter.finish(
    exporter.emit(type, operands, exporter.target(output, activation), attributes),
    output,
    activation,
  );
}

function exportAverage(exporter: Exporter, node: Node<Attributes>): void {
  const [, height, width] = exporter.tensor(node.inputs[0]!).shape;
  const axes = node.attributes.axes as readonly number[] | undefined;
  const meanKernel = axes && [axes.includes(1) ? height! : 1, axes.includes(2) ? width! : 1];
  const kernel = meanKernel ?? (node.attributes.kernel as readonly number[]);
  if (kernel[0] === height && kernel[1] === width) {
    exportReal(exporter, node, "GlobalAveragePool");
    return;
  }
  exportReal(exporter, node, "AveragePool", {
    kernel_shape: kernel,
    strides: (node.attributes.stride as readonly number[] | undefined) ?? kernel,
    pads: (node.attributes.padding as readonly number[] | undefined) ?? [0, 0, 0, 0],
  });
}

const EXPORTS: Record<string, Export> = {
  conv: exportConvolution,
  depthwise: exportConvolution,
  dense: exportDense,
  add: (exporter, node) => exportReal(exporter, node, "Add"),
  averagePool: exportAverage,
  mean: exportAverage,
  softmax(exporter, node) {
    if (node.attributes.beta !== 1) throw unsupported(node, `beta ${node.attributes.beta}`);
    const channelsFirst = exporter.tensor(node.inputs[0]!).shape.length === 4;
    exportReal(exporter, node, "Softmax", { axis: channelsFirst ? 1 : -1 });
  },
  requantize(exporter, node) {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    const activation = node.attributes.activation as Activation;
    const same = sameQuantization(exporter.tensor(input), exporter.tensor(output));
    if (activation === "none" && same) exporter.emit("Identity", [`${input}`], `${output}`);
    else exportReal(exporter, node, "Identity");
  },
  maxPool(exporter, node) {
    const { kernel, stride, padding, activation } = node.attributes as Record<string, readonly number[]>;
    if ((activation as unknown as Activation) !== "none") throw unsupported(node, "an activation");
    const attributes = { kernel_shape: kernel!, strides: stride!, pads: padding! };
    exporter.emit("MaxPool", [`${node.inputs[0]}`], `${node.outputs[0]}`, attributes);
  },
  pad(exporter, node) {
    const { padding, channels } = node.attributes as Record<string, readonly number[]>;
    const [top, left, bottom, right] = padding as [number, number, number, number];
    const pads = BigInt64Array.from(
      [0, channels![0]!, top, left, 0, channels![1]!, bottom, right].map(BigInt),
    );
    const output = node.outputs[0]!;
    const amounts = exporter.constant(`${output}.pads`, "int64", [8], pads);
    exporter.emit("Pad", [`${node.inputs[0]}`, amounts, exporter.zero(node.inputs[0]!)], `${output}`);
  },
  reshape(exporter, node) {
    const [input, output] = [node.inputs[0]!, node.outputs[0]!];
    const [from, to] = [exporter.tensor(input).shape, exporter.tensor(output).shape];
    if (spatial(from) || spatial(to))
      throw unsupported(node, `[${from}] to [${to}]: channels would mix with pixels`);
    const dims = BigInt64Array.from(channelsFirst(to).map(BigInt));
    const shape = exporter.constant(`${output}.shape`, "int64", [dims.length], dims);
    exporter.emit("Reshape", [`${input}`, shape], `${output}`);
  },
};

function spatial(shape: readonly number[]): boolean {
  return shape.length === 4 && shape[1]! * shape[2]! !== 1;
}

function channelsFirst(shape: readonly number[]): readonly number[] {
  return shape.length === 4 ? [shape[0]!, shape[3]!, shape[1]!, shape[2]!] : shape;
}

function unsupported(node: Node, found: string): DyadicError {
  const hint = "extend test/bench/onnx-export.ts";
  return new DyadicError("UNSUPPORTED_OP", "no ONNX form", { node: node.name, op: node.op, found, hint });
}

/** An .onnx file (opset 13, NCHW) of the network; graph inputs and outputs are named by their tensor index. */
export function exportOnnx(graph: Graph, form: OnnxForm): Uint8Array {
  const exporter = new Exporter(graph, form);
  const floatBorders = form === "exported";
  const names = graph.inputs.map(({ tensor }) => (floatBorders ? exporter.floatInput(tensor) : `${tensor}`));
  for (const node of graph.nodes) {
    const exportNode = EXPORTS[node.op];
    if (exportNode === undefined) throw unsupported(node, "an op without a translation");
    exportNode(exporter, node as Node<Attributes>);
  }
  const results = graph.outputs.map(({ tensor }) =>
    floatBorders ? exporter.floatOutput(tensor) : `${tensor}`,
  );
  const value = ({ tensor }: { tensor: number }, name: string) => ({
    name,
    type: floatBorders ? ("float32" as const) : exporter.type,
    dims: channelsFirst(exporter.tensor(tensor).shape),
  });
  const { nodes, initializers } = exporter;
  return encodeOnnx({
    name: graph.name,
    nodes,
    initializers,
    inputs: graph.inputs.map((border, i) => value(border, names[i]!)),
    outputs: graph.outputs.map((border, i) => value(border, results[i]!)),
  });
}
