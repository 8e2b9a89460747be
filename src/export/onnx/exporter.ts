import { elements, type Graph, type Node, type Tensor } from "../../graph/graph.ts";
import { quantizeValue } from "../../numerics/affine.ts";
import { activationRange } from "../../numerics/pack.ts";
import { type Activation, activationBounds, activationCodes } from "../../ops/activation.ts";
import type { OnnxAttributes, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from "./encode.ts";

/** How codes look in the file. Floats stay floats in every form. */
export interface OnnxForm {
  /** What activations are stored as; uint8 is the code + 128, which onnxruntime runs best on x86. */
  readonly activations: "int8" | "uint8";
  /** What the model takes and gives where its activations are codes. */
  readonly borders: "codes" | "float32";
}

/** Dimensions in the file: what is NHWC here is NCHW there. */
export function channelsFirst(shape: readonly number[]): readonly number[] {
  return shape.length === 4 ? [shape[0]!, shape[3]!, shape[1]!, shape[2]!] : shape;
}

/** A dimension of the graph in the file. */
export function fileAxis(axis: number, rank: number): number {
  return rank === 4 ? [0, 2, 3, 1][axis]! : axis;
}

/** NHWC data as NCHW; other ranks as they are. */
function channelsFirstData<T extends Int8Array | Float32Array>(data: T, shape: readonly number[]): T {
  if (shape.length !== 4) return data;
  const channels = shape[3]!;
  const pixels = shape[1]! * shape[2]!;
  const image = pixels * channels;
  return data.map((_, i) => {
    const [pixel, channel] = [i % pixels, Math.floor(i / pixels) % channels];
    return data[Math.floor(i / image) * image + pixel * channels + channel]!;
  }) as T;
}

/** A growing ONNX graph. Activation t of the graph has one name for its codes and another for its reals. */
export class Exporter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxTensor[] = [];
  private readonly graph: Graph;
  private readonly form: OnnxForm;
  private readonly names: readonly string[];
  private readonly nodeNames = new Map<string, number>();

  constructor(graph: Graph, form: OnnxForm) {
    this.graph = graph;
    this.form = form;
    const seen = new Map<string, number>();
    for (const { name } of graph.tensors) seen.set(name, (seen.get(name) ?? 0) + 1);
    const borders = [...graph.outputs, ...graph.inputs];
    const declared = new Map(borders.map(({ tensor, name }) => [tensor, name]));
    const isFree = (name: string) => seen.get(name) === 1 && ![...declared.values()].includes(name);
    this.names = graph.tensors.map(
      ({ name }, t) => declared.get(t) ?? (name !== "" && isFree(name) ? name : `${name}#${t}`),
    );
  }

  tensor(index: number): Tensor {
    return this.graph.tensors[index]!;
  }

  emit(
    type: string,
    inputs: readonly string[],
    output: string,
    attributes: OnnxAttributes = {},
    name = `${output}/${type}`,
  ): string {
    this.nodes.push({ name: this.unique(name), type, inputs, outputs: [output], attributes });
    return output;
  }

  /** Runtimes refuse two nodes of one name. */
  private unique(name: string): string {
    const times = this.nodeNames.get(name) ?? 0;
    this.nodeNames.set(name, times + 1);
    return times === 0 ? name : `${name}#${times}`;
  }

  constant(name: string, type: OnnxType, dims: readonly number[], data: ArrayBufferView): string {
    if (!this.initializers.some((known) => known.name === name)) {
      this.initializers.push({ name, type, dims, data });
    }
    return name;
  }

  integers(name: string, values: readonly number[]): string {
    return this.constant(name, "int64", [values.length], BigInt64Array.from(values, BigInt));
  }

  scalar(name: string, value: number): string {
    return this.constant(name, "float32", [], Float32Array.of(value));
  }

  isQuantized(index: number): boolean {
    return this.tensor(index).quantization !== undefined;
  }

  /** Name of an activation as it is stored: its codes where it has them. */
  stored(index: number): string {
    const bare = this.isQuantized(index) && !this.hasCodeBorder(index);
    return bare ? `${this.names[index]}_quantized` : this.names[index]!;
  }

  private hasCodeBorder(index: number): boolean {
    const isBorder = [...this.graph.inputs, ...this.graph.outputs].some(({ tensor }) => tensor === index);
    return isBorder && (this.form.borders === "codes" || this.tensor(index).quantization!.axis !== null);
  }

  /** What the codes of an activation are in the file. */
  private typeOf(index: number): "int16" | OnnxForm["activations"] {
    return this.tensor(index).dtype === "int16" ? "int16" : this.form.activations;
  }

  private code(index: number, codes: readonly number[]): ArrayBufferView {
    const type = this.typeOf(index);
    if (type === "int16") return Int16Array.from(codes);
    return type === "int8" ? Int8Array.from(codes) : Uint8Array.from(codes, (code) => code + 128);
  }

  /** Scale and zero point of an activation, a list of them where they are per channel. */
  private affine(index: number): readonly [inputs: readonly string[], attributes: OnnxAttributes] {
    const { quantization, shape } = this.tensor(index);
    const { scale, zeroPoint } = quantization!;
    const name = this.names[index]!;
    const dims = zeroPoint.length === 1 ? [] : [zeroPoint.length];
    const scales = Float32Array.from(zeroPoint, (_, i) => scale[i] ?? scale[0]!);
    const inputs = [
      this.constant(`${name}_scale`, "float32", dims, scales),
      this.constant(`${name}_zero_point`, this.typeOf(index), dims, this.code(index, zeroPoint)),
    ];
    return [inputs, dims.length === 0 ? {} : { axis: fileAxis(shape.length - 1, shape.length) }];
  }

  /** Declares a model input; floats are quantized first where the activation has codes. */
  input(index: number): OnnxValue {
    const name = this.names[index]!;
    const isFloat = name !== this.stored(index);
    if (isFloat) this.quantize(name, index);
    return this.value(name, index, isFloat);
  }

  /** Declares a model output; one that is an input, too, needs a name of its own. */
  output(index: number): OnnxValue {
    const isFloat = this.names[index] !== this.stored(index);
    const isInput = this.graph.inputs.some(({ tensor }) => tensor === index);
    const name = isInput ? `${this.names[index]}#output` : this.names[index]!;
    if (isFloat) this.dequantize(index, name);
    else if (isInput) this.emit("Identity", [this.stored(index)], name);
    return this.value(name, index, isFloat);
  }

  private value(name: string, index: number, isFloat: boolean): OnnxValue {
    const type = isFloat || !this.isQuantized(index) ? "float32" : this.typeOf(index);
    return { name, type, dims: channelsFirst(this.tensor(index).shape) };
  }

  private quantize(real: string, index: number): void {
    const [affine, attributes] = this.affine(index);
    this.emit("QuantizeLinear", [real, ...affine], this.stored(index), attributes);
  }

  private dequantize(index: number, to: string): string {
    const [affine, attributes] = this.affine(index);
    return this.emit("DequantizeLinear", [this.stored(index), ...affine], to, attributes);
  }

  /** The reals of operand `position`: runtimes fuse an op only with a DequantizeLinear of its own. */
  reals(reader: Node, position = 0): string {
    const index = reader.inputs[position]!;
    const tensor = this.tensor(index);
    if (tensor.data !== undefined) return this.operand(index, this.tensor(reader.outputs[0]!).shape.length);
    if (!this.isQuantized(index)) return this.stored(index);
    const to = this.names[reader.outputs[0]!]!;
    return this.dequantize(index, `${this.names[index]}_for_${to}_${position}`);
  }

  /** A constant operand, with ones in front up to `rank`, as reals. */
  private operand(index: number, rank: number): string {
    const { shape, data, quantization } = this.tensor(index);
    const full = [...Array(rank - shape.length).fill(1), ...shape];
    const moved = channelsFirstData(data as Int8Array | Float32Array, full);
    const name = this.names[index]!;
    if (quantization === undefined) return this.constant(name, "float32", channelsFirst(full), moved);
    const codes = this.constant(`${name}_codes`, "int8", channelsFirst(full), moved);
    const scale = this.scalar(`${name}_scale`, quantization.scale[0]!);
    const zero = this.constant(`${name}_zero_point`, "int8", [], Int8Array.from(quantization.zeroPoint));
    return this.emit("DequantizeLinear", [codes, scale, zero], name);
  }

  /** Names an op's result as activation `index`: its clamp, where codes do not clamp by themselves, and its codes. */
  finish(real: string, index: number, activation: Activation): void {
    const clamped = this.clamp(real, index, activation);
    if (this.isQuantized(index)) this.quantize(clamped, index);
  }

  /** Where the result of an op goes that `finish` follows. */
  target(index: number, activation: Activation): string {
    const last = !this.isQuantized(index) && activation === "none";
    return last ? this.stored(index) : `${this.names[index]}_real`;
  }

  private clamp(real: string, index: number, activation: Activation): string {
    const { quantization, dtype } = this.tensor(index);
    const [low, high] = activationBounds(activation)!;
    const output = quantization ? `${this.names[index]}_clamped` : this.stored(index);
    if (quantization === undefined) {
      if (activation === "none") return real;
      return activation === "relu" ? this.emit("Relu", [real], output) : this.clip(real, low, high, output);
    }
    const { scale, zeroPoint, bits = dtype === "int16" ? 16 : 8 } = quantization;
    const [min, max] = activationCodes(activation, scale[0]!, zeroPoint[0]!, bits as 8);
    const [lowest, highest] = activationRange(bits as 8);
    if (min === lowest && max === highest && bits >= 8) return real; // as QuantizeLinear saturates
    // Codes of 8 bits and more end where the file's own type does.
    if (bits >= 8) {
      return activation === "relu" ? this.emit("Relu", [real], output) : this.clip(real, low, high, output);
    }
    const bound = (code: number, end: number, limit: number) =>
      code === end ? (code - zeroPoint[0]!) * scale[0]! : limit;
    return this.clip(real, bound(min, lowest, low), bound(max, highest, high), output);
  }

  clip(real: string, low: number, high: number, output: string): string {
    const bound = (value: number) => (Number.isFinite(value) ? this.scalar(`bound_${value}`, value) : "");
    return this.emit("Clip", [real, bound(low), bound(high)], output);
  }

  /** Constant weights, output channels first; `permuted` brings their data into the file's order. */
  weights(index: number, dims: readonly number[], permuted: Int8Array | Float32Array): string {
    const { quantization } = this.tensor(index);
    const name = this.names[index]!;
    if (quantization === undefined) return this.constant(name, "float32", dims, permuted);
    const { scale, zeroPoint } = quantization;
    const of = scale.length === 1 ? [] : [scale.length];
    const inputs = [
      this.constant(`${name}_codes`, "int8", dims, permuted),
      this.constant(`${name}_scale`, "float32", of, Float32Array.from(scale)),
      this.constant(`${name}_zero_point`, "int8", of, Int8Array.from(zeroPoint)),
    ];
    return this.emit("DequantizeLinear", inputs, name, { axis: 0 });
  }

  /** The bias in units of input scale times weight scale, or nothing. */
  bias(index: number | undefined, input: number, weights: number): string[] {
    if (index === undefined || index === -1) return [];
    const { data } = this.tensor(index);
    const name = this.names[index]!;
    const from = this.tensor(input).quantization?.scale[0];
    if (from === undefined) return [this.constant(name, "float32", [data!.length], data!)];
    const scale = this.tensor(weights).quantization!.scale.map((of) => from * of);
    const codes = this.constant(`${name}_codes`, "int32", [data!.length], data!);
    const of = scale.length === 1 ? [] : [scale.length];
    const scales = this.constant(`${name}_scale`, "float32", of, Float32Array.from(scale));
    return [this.emit("DequantizeLinear", [codes, scales], name, { axis: 0 })];
  }

  /** A real number as an activation stores it. */
  fill(index: number, value: number): string {
    const name = `${this.names[index]}_fill${value}`;
    const { quantization, dtype } = this.tensor(index);
    if (quantization === undefined) return this.scalar(name, value);
    const bits = quantization.bits ?? (dtype === "int16" ? 16 : 8);
    const [scale, zeroPoint] = [quantization.scale[0]!, quantization.zeroPoint[0]!];
    const code = quantizeValue(value, scale, zeroPoint, ...activationRange(bits as 8));
    return this.constant(name, this.typeOf(index), [], this.code(index, [code]));
  }

  /** Name for a helper value of the op that writes activation `index`. */
  local(index: number, role: string): string {
    return `${this.names[index]}_${role}`;
  }
}

/** [o][h][w][i] to [o][i][h][w]; depthwise weights [1][h][w][c] become [c][1][h][w]. */
export function kernelsFirst({ shape, data }: Tensor, depthwise: boolean) {
  const [outputs, height, width, inputs] = shape as [number, number, number, number];
  const dims = depthwise ? [inputs, 1, height, width] : [outputs, inputs, height, width];
  const values = channelsFirstData(data as Int8Array | Float32Array, shape);
  if (elements(shape) !== values.length) throw new RangeError("weights do not fill their shape");
  return { dims, values };
}
