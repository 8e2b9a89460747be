import {
  type Border,
  type DataType,
  elements,
  type Graph,
  type Node,
  type Quantization,
  type State,
  type Tensor,
  type TensorData,
} from "../../src/graph/graph.ts";
import { opNamed } from "../../src/ops/index.ts";

/** Scale and zero point of a per-tensor quantized activation. */
export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
  /** Of a code; 8 when absent. */
  readonly bits?: number;
}

/** Builds a quantized graph node by node; shapes come from the ops themselves. */
export class GraphBuilder {
  readonly tensors: Tensor[] = [];
  private readonly nodes: Node[] = [];
  private readonly inputs: Border[] = [];
  private readonly outputs: Border[] = [];
  private readonly states: State[] = [];

  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  input(shape: readonly number[], affine: Affine, dtype: DataType = "int8"): number {
    const tensor = this.activation(`input${this.inputs.length}`, shape, affine);
    this.inputs.push(this.border(tensor, dtype));
    return tensor;
  }

  output(tensor: number, dtype: DataType = "int8", labels?: readonly string[]): void {
    this.outputs.push({ ...this.border(tensor, dtype), ...(labels !== undefined && { labels }) });
  }

  constant(data: TensorData, shape: readonly number[], dtype: DataType, quantization?: Quantization): number {
    const name = `constant${this.tensors.length}`;
    return this.tensors.push({ name, dtype, shape, data, ...(quantization && { quantization }) }) - 1;
  }

  /** Appends a node and returns its output tensor. */
  node(op: string, inputs: readonly number[], attributes: unknown, affine: Affine): number {
    const shapes = inputs.map((input) => this.tensors[input]?.shape ?? []);
    const name = `${op}${this.nodes.length}`;
    const output = this.activation(name, opNamed(op).shape(shapes, attributes), affine);
    this.nodes.push({ name, op, inputs, outputs: [output], attributes });
    return output;
  }

  /** A tensor that lives from run to run. */
  state(shape: readonly number[], affine: Affine): number {
    const name = `state${this.states.length}`;
    const tensor = this.activation(name, shape, affine);
    this.states.push({ name, tensor });
    return tensor;
  }

  isState(tensor: number): boolean {
    return this.states.some((state) => state.tensor === tensor);
  }

  /** Appends a push of `x` into a new state of that extent along an axis; returns the state. */
  push(x: number, axis: number, extent: number): number {
    const shape = this.shape(x).map((size, i) => (i === axis ? extent : size));
    const state = this.state(shape, this.affine(x));
    const name = `push${this.nodes.length}`;
    this.nodes.push({ name, op: "push", inputs: [x], outputs: [state], attributes: { axis, extent } });
    return state;
  }

  affine(tensor: number): Affine {
    const { dtype, quantization } = this.tensors[tensor]!;
    const { scale, zeroPoint, bits = dtype === "int16" ? 16 : undefined } = quantization!;
    return { scale: scale[0]!, zeroPoint: zeroPoint[0]!, ...(bits !== undefined && { bits }) };
  }

  shape(tensor: number): readonly number[] {
    return this.tensors[tensor]!.shape;
  }

  size(tensor: number): number {
    return elements(this.shape(tensor));
  }

  build(): Graph {
    const { name, tensors, nodes, inputs, outputs, states } = this;
    return { name, tensors, nodes, inputs, outputs, states };
  }

  private activation(name: string, shape: readonly number[], { scale, zeroPoint, bits }: Affine): number {
    const quantization = {
      scale: [scale],
      zeroPoint: [zeroPoint],
      axis: null,
      ...(bits !== undefined && { bits }),
    };
    return this.tensors.push({ name, dtype: bits === 16 ? "int16" : "int8", shape, quantization }) - 1;
  }

  private border(tensor: number, dtype: DataType): Border {
    const { name, shape } = this.tensors[tensor]!;
    return { name, tensor, dtype, shape, layout: shape.length === 4 ? "NHWC" : "flat" };
  }
}

/** Gives ops that cannot take packed or 16-bit activations bytes instead, by a requantize in front. */
export class WideningBuilder extends GraphBuilder {
  override node(op: string, inputs: readonly number[], attributes: unknown, affine: Affine): number {
    const { packed, wide, keepsScale } = opNamed(op);
    const takes = ({ bits = 8 }: Affine, isOutput = false) =>
      bits === 8 || (bits < 8 ? packed : wide === "everywhere" || (wide === "output" && isOutput));
    const own = inputs.map((input) => {
      const tensor = this.tensors[input];
      const known = tensor === undefined || tensor.data !== undefined || takes(this.affine(input));
      return known ? input : this.widened(input);
    });
    const output = keepsScale ? this.affine(own[0]!) : takes(affine, true) ? affine : inBytes(affine);
    return super.node(op, own, attributes, output);
  }

  override push(x: number, axis: number, extent: number): number {
    return super.push((this.affine(x).bits ?? 8) === 8 ? x : this.widened(x), axis, extent);
  }

  private widened(tensor: number): number {
    return super.node("requantize", [tensor], { activation: "none" }, inBytes(this.affine(tensor)));
  }
}

/** Codes of about the same reach in 8 bits. */
function inBytes(affine: Affine): Affine {
  const { scale, bits = 8 } = affine;
  if (bits === 16) return { scale: scale * 16, zeroPoint: 0 };
  return bits === 8 ? affine : { scale: scale / 2 ** (8 - bits), zeroPoint: 0 };
}
