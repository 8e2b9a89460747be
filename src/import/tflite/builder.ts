import type { ByteBuffer } from "flatbuffers";
import { DyadicError } from "../../error.ts";
import type { Node, State, Tensor } from "../../graph/graph.ts";
import type { Activation } from "../../ops/activation.ts";
import * as schema from "./schema.generated.ts";
import type { Tensors } from "./tensors.ts";

/** One foreign operator, as its adapter sees it. */
export interface Operator {
  /** Name of its output: operators have none of their own. */
  readonly name: string;
  /** Indices into the tensors; -1 for an optional input that is absent. */
  readonly inputs: readonly number[];
  /** The first output, and all of them. */
  readonly output: number;
  readonly outputs: readonly number[];
  readonly table: schema.Operator;
}

/** Turns one foreign operator into nodes. Throws UNSUPPORTED_OP or BAD_FILE, without the place. */
export type Adapter = (operator: Operator, builder: Builder) => void;

/** A generated reader, before or after it has found its place. */
interface Table {
  bb: ByteBuffer | null;
  bb_pos: number;
}

const ACTIVATIONS = new Map<number, Activation>([
  [schema.Fused.NONE, "none"],
  [schema.Fused.RELU, "relu"],
  [schema.Fused.RELU6, "relu6"],
  [schema.Fused.RELU_N1_TO_1, "reluN1To1"],
]);

/** Throws UNSUPPORTED_OP for a fused function that is not a clamp. */
export function activation(fused: number): Activation {
  const known = ACTIVATIONS.get(fused);
  if (known !== undefined) return known;
  const name = Object.entries(schema.Fused).find(([, code]) => code === fused)?.[0];
  throw new DyadicError("UNSUPPORTED_OP", `the fused activation ${name ?? fused} is not supported`, {
    expected: [...ACTIVATIONS.values()].join(", "),
  });
}

/** The operator's options, read into `table`; null when the file leaves them out. Throws BAD_FILE for another op's. */
export function options<T extends Table>(operator: Operator, type: number, table: T): T | null {
  const found = operator.table.builtinOptionsType();
  if (found === schema.BuiltinOptions.NONE) return null;
  if (found !== type) {
    throw new DyadicError("BAD_FILE", "the operator carries the options of another", {
      expected: `options type ${type}`,
      found: `${found}`,
    });
  }
  return operator.table.builtinOptions(table);
}

/** Like `options`, where there is no default. */
export function requiredOptions<T extends Table>(operator: Operator, type: number, table: T): T {
  const found = options(operator, type, table);
  if (found === null) throw new DyadicError("BAD_FILE", "the operator has no options");
  return found;
}

/** A dimension counted from the front. Throws BAD_FILE where there is none such. */
export function dimension(axis: number, rank: number): number {
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  throw new DyadicError("BAD_FILE", "the axes do not fit the input", {
    expected: `from ${-rank} to ${rank - 1}`,
    found: `${axis}`,
  });
}

/** The growing graph: adapters read tensors from it and emit nodes into it. */
export class Builder {
  readonly nodes: Node[] = [];
  readonly states: State[] = [];
  readonly tensors: Tensors;
  /** Variables by name: their states, and what they get at the end of a run; and the names by handle. */
  readonly variables = {
    handles: new Map<number, string>(),
    states: new Map<string, number>(),
    assigned: new Map<string, number>(),
  };
  /** Model outputs that are indices of 32 bits: the tensors of their bytes. */
  readonly indices = new Map<number, number>();

  constructor(tensors: Tensors) {
    this.tensors = tensors;
  }

  /** A float or 8-bit tensor, of the rank asked for. Throws UNSUPPORTED_OP for another. */
  value(index: number, rank?: number): Tensor {
    const tensor = this.tensors.get(index);
    if (tensor.dtype !== "int8" && tensor.dtype !== "float32") {
      throw new DyadicError("UNSUPPORTED_OP", `"${tensor.name}" is computed in ${tensor.dtype}`, {
        expected: "int8, uint8 or float32",
      });
    }
    if (rank !== undefined && tensor.shape.length !== rank) {
      throw new DyadicError("UNSUPPORTED_OP", `"${tensor.name}" must have ${rank} dimensions`, {
        found: `[${tensor.shape.join(", ")}]`,
      });
    }
    return tensor;
  }

  /** Input and output of an operator that keeps the number format. */
  sameFormat(operator: Operator, rank?: number): { x: Tensor; y: Tensor } {
    const x = this.value(operator.inputs[0]!, rank);
    const y = this.value(operator.output, rank);
    if (x.dtype !== y.dtype) this.mixed(operator.inputs[0]!, operator.output);
    return { x, y };
  }

  /**
   * Weights and bias of a layer whose input is `x`: constants of matching dtype, one bias per output channel.
   * Throws UNSUPPORTED_OP for computed weights and for mixed formats, BAD_FILE for a wrong length of the bias.
   */
  weights(operator: Operator, x: Tensor, rank: number, channelAxis: number): Tensor {
    const [, index = -1, bias = -1] = operator.inputs;
    const weights = this.value(index, rank);
    this.constant(weights);
    // Dynamic range: float layers whose weights the file keeps in 8 bits. The passes make them floats.
    const isHybrid = x.dtype === "float32" && weights.quantization !== undefined;
    if (weights.dtype !== x.dtype && !isHybrid) this.mixed(operator.inputs[0]!, index);
    if (bias !== -1) this.checkBias(bias, x, weights.shape[channelAxis]!);
    return weights;
  }

  private checkBias(index: number, x: Tensor, channels: number): void {
    const bias = this.tensors.get(index);
    this.constant(bias);
    const dtype = x.dtype === "float32" ? "float32" : "int32";
    if (bias.dtype === dtype && bias.data!.length === channels) return;
    throw new DyadicError("BAD_FILE", `the bias "${bias.name}" does not fit the layer`, {
      expected: `${dtype}[${channels}]`,
      found: `${bias.dtype}[${bias.shape.join(", ")}]`,
    });
  }

  private constant(tensor: Tensor): void {
    if (tensor.data !== undefined) return;
    throw new DyadicError("UNSUPPORTED_OP", `"${tensor.name}" is computed at run time`, {
      expected: "weights and biases that are constants of the file",
    });
  }

  private mixed(a: number, b: number): never {
    const named = (index: number) => `"${this.tensors.name(index)}" ${this.tensors.get(index).dtype}`;
    throw new DyadicError("UNSUPPORTED_OP", "the layer mixes float and integer tensors", {
      expected: "all float32, or all 8-bit",
      found: `${named(a)}, ${named(b)}`,
      hint: "this is a dynamic-range (hybrid) model or one with float borders: export it fully quantized to int8, borders included, or as float32",
    });
  }

  /** A new tensor that keeps its codes from run to run. */
  state(tensor: Tensor): number {
    const index = this.tensors.add(tensor);
    this.states.push({ name: tensor.name, tensor: index });
    return index;
  }

  emit(name: string, op: string, inputs: readonly number[], output: number, attributes: unknown): void {
    this.nodes.push({ name, op, inputs, outputs: [output], attributes });
  }

  /** Emits a reshape of `index` to `shape` and returns its tensor; `index` itself where it has that shape. */
  reshape(index: number, shape: readonly number[], name: string): number {
    if (`${this.tensors.get(index).shape}` === `${shape}`) return index;
    const output = this.reshaped(index, shape, name);
    this.emit(name, "reshape", [index], output, { shape });
    return output;
  }

  /** Emits a node whose result has `shape`, and a reshape where `output` is declared in another. */
  emitAs(
    shape: readonly number[],
    name: string,
    op: string,
    inputs: readonly number[],
    output: number,
    attributes: unknown,
  ): void {
    const declared = this.tensors.get(output).shape;
    if (`${declared}` === `${shape}`) {
      this.emit(name, op, inputs, output, attributes);
      return;
    }
    const result = this.reshaped(output, shape, `${name}/${op}`);
    this.emit(`${name}/${op}`, op, inputs, result, attributes);
    this.emit(name, "reshape", [result], output, { shape: declared });
  }

  /** A new tensor like `index` in another shape. */
  reshaped(index: number, shape: readonly number[], name: string): number {
    return this.tensors.add({ ...this.tensors.get(index), name, shape });
  }
}
