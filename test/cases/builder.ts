import {
  type Border,
  type DataType,
  elements,
  type Graph,
  type Node,
  type Quantization,
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
    const { name, tensors, nodes, inputs, outputs } = this;
    return { name, tensors, nodes, inputs, outputs };
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
      if (tensor === undefined || tensor.data !== undefined || takes(this.affine(input))) return input;
      return super.node("requantize", [input], { activation: "none" }, inBytes(this.affine(input)));
    });
    const output = keepsScale ? this.affine(own[0]!) : takes(affine, true) ? affine : inBytes(affine);
    return super.node(op, own, attributes, output);
  }
}

/** Codes of about the same reach in 8 bits. */
function inBytes(affine: Affine): Affine {
  const { scale, bits = 8 } = affine;
  if (bits === 16) return { scale: scale * 64, zeroPoint: 0 };
  return bits === 8 ? affine : { scale: scale / 2 ** (8 - bits), zeroPoint: 0 };
}
