import { DyadicError } from "../../error.ts";
import {
  canonicalShape,
  type DataType,
  elements,
  type Node,
  type Quantization,
  sameQuantization,
  type Tensor,
} from "../../graph/graph.ts";
import { OPS } from "../../ops/index.ts";
import { CODE_BITS, type Constant, integersOf, isFloat, unsignedShift } from "./constant.ts";
import { type FoldBudget, reshaped, transposed } from "./folder.ts";
import {
  channelsLast,
  fileOrder,
  type Order,
  plain,
  rearrangement,
  reshapedOrder,
  storedShape,
} from "./layout.ts";
import type { Operator } from "./operator.ts";

/** An activation: a tensor of the graph, and how it holds the value that the file speaks of. */
export interface Value {
  readonly tensor: number;
  readonly shape: readonly number[];
  readonly order: Order;
  /**
   * Set on a matrix that is a flattened image whose elements were not brought into the file's order yet: a dense layer
   * permutes its weights instead. `tensor` is -1 then.
   */
  readonly image?: Value;
}

/** Turns one foreign node into nodes. Throws UNSUPPORTED_OP or BAD_FILE, without the place. */
export type Adapter = (operator: Operator, builder: Builder) => void;

/** What a new node makes; without `format`, float32. */
export interface Result {
  /** Shape of the value, as the file sees it. */
  readonly shape: readonly number[];
  readonly order: Order;
  readonly format?: Format;
}

/** Number format of a tensor. */
export interface Format {
  readonly dtype: DataType;
  readonly quantization?: Quantization;
}

/** Ops whose output has the codes of their input. */
const MOVING: readonly string[] = OPS.flatMap(({ name, keepsScale }) => (keepsScale ? [name] : []));
const MAX_ELEMENTS = 2 ** 31 - 1;

/** The growing graph: adapters read values from it and emit nodes into it. */
export class Builder {
  readonly nodes: Node[] = [];
  readonly tensors: Tensor[] = [];
  readonly budget: FoldBudget;
  private readonly values = new Map<string, Value | Constant>();
  private readonly missing = new Map<string, string>();
  private readonly arranged = new Map<string, number>();
  private readonly unsigned = new Set<number>();
  private readonly unsignedCodes = new Set<string>();
  private readonly stored = new Map<Constant, Map<string, number>>();

  constructor(budget: FoldBudget) {
    this.budget = budget;
  }

  /** Gives a name of the file its meaning. */
  set(name: string, value: Value | Constant): void {
    this.values.set(name, value);
  }

  /** Notes an output that the adapter did not make; only who reads it has to know. */
  noteMissing(name: string, operator: string): void {
    if (!this.values.has(name)) this.missing.set(name, operator);
  }

  /** What a name of the file stands for. Throws BAD_FILE for one that nothing has written. */
  get(name: string): Value | Constant {
    const found = this.values.get(name);
    if (found !== undefined) return found;
    const maker = this.missing.get(name);
    if (maker !== undefined) {
      throw new DyadicError("UNSUPPORTED_OP", `"${name}", a further output of ${maker}, is not supported`);
    }
    throw new DyadicError("BAD_FILE", `"${name}" is read before it is written`, {
      hint: "the nodes of an ONNX model are in execution order; the file is damaged",
    });
  }

  /** An input of the node; undefined where it is left out. */
  input(operator: Operator, index: number): Value | Constant | undefined {
    const name = operator.inputs[index] ?? "";
    return name === "" ? undefined : this.get(name);
  }

  /** An input that must be an activation. */
  value(operator: Operator, index = 0): Value {
    const found = this.input(operator, index);
    if (found !== undefined && !isConstant(found)) return found;
    throw new DyadicError(
      found === undefined ? "BAD_FILE" : "UNSUPPORTED_OP",
      `input ${index} is ${found === undefined ? "missing" : "a constant, where an activation is expected"}`,
    );
  }

  /** An input that must be known at import; undefined where it is left out. */
  constant(operator: Operator, index: number): Constant | undefined {
    const found = this.input(operator, index);
    if (found === undefined || isConstant(found)) return found;
    throw new DyadicError("UNSUPPORTED_OP", `"${operator.inputs[index]}" is computed at run time`, {
      expected: "a constant of the file",
    });
  }

  required(operator: Operator, index: number): Constant {
    const found = this.constant(operator, index);
    if (found !== undefined) return found;
    throw new DyadicError("BAD_FILE", `input ${index} is missing`);
  }

  /** A list of integers that is an attribute in old operator sets and an input in new ones. Throws BAD_FILE. */
  list(operator: Operator, attribute: string, index: number): readonly number[] | undefined {
    const found = this.constant(operator, index);
    return found === undefined ? operator.ints(attribute) : integersOf(found);
  }

  /** The tensor that holds the value; a flattened image is brought into the file's order. */
  settle(value: Value): Value {
    if (value.image === undefined) return value;
    const { shape } = value;
    const source = this.arrange(value.image, plain(value.image.shape.length));
    return this.inFileOrder(source, shape);
  }

  /** A tensor whose elements lie in the file's order as a value of a shape. */
  private inFileOrder(tensor: number, shape: readonly number[]): Value {
    const order = fileOrder(shape);
    return { tensor: this.reshape(tensor, storedShape(shape, order)), shape, order };
  }

  format(value: Value): Format {
    const { dtype, quantization } = this.tensors[value.image?.tensor ?? value.tensor]!;
    return { dtype, ...(quantization && { quantization }) };
  }

  /** Index of a tensor that holds the value in the order asked for: itself, a reshape or a transpose of it. */
  arrange(given: Value, wanted: Order): number {
    const value = this.settle(given);
    const key = `${value.tensor}:${value.order.join()}:${wanted.join()}`;
    const known = this.arranged.get(key);
    if (known !== undefined) return known;
    const steps = rearrangement(value.shape, value.order, wanted);
    let tensor = value.tensor;
    if (steps !== null) {
      tensor = this.reshape(tensor, steps.from);
      const shape = steps.permutation.map((axis) => steps.from[axis]!);
      tensor = this.derive(tensor, "transpose", shape, { permutation: steps.permutation });
    }
    tensor = this.reshape(tensor, storedShape(value.shape, wanted));
    this.arranged.set(key, tensor);
    return tensor;
  }

  /** The value with its channels innermost, as convolutions and pools read it. Throws UNSUPPORTED_OP for a batch. */
  image(value: Value): number {
    const { name } = this.tensors[value.image?.tensor ?? value.tensor]!;
    canonicalShape(storedShape(value.shape, channelsLast(value.shape.length)), name);
    return this.arrange(value, channelsLast(value.shape.length));
  }

  private reshape(tensor: number, shape: readonly number[]): number {
    if (this.tensors[tensor]!.shape.join() === shape.join()) return tensor;
    return this.derive(tensor, "reshape", shape, { shape });
  }

  /** A node that only moves elements, named after the tensor it reads. */
  private derive(tensor: number, op: string, shape: readonly number[], attributes: unknown): number {
    const { name, dtype, quantization } = this.tensors[tensor]!;
    const made = `${name}/${op}${this.tensors.length}`;
    const output = this.addTensor({ name: made, dtype, shape, ...(quantization && { quantization }) });
    this.nodes.push({ name: made, op, inputs: [tensor], outputs: [output], attributes });
    if (this.unsigned.has(tensor)) this.unsigned.add(output);
    return output;
  }

  /** The value under another shape of as many elements; where it lies right, only its description changes. */
  reshaped(given: Value, shape: readonly number[]): Value {
    if (given.image !== undefined && given.shape.join() === shape.join()) return given;
    const value = this.settle(given);
    const kept = reshapedOrder(value.shape, value.order, shape);
    if (kept?.sameTensor) return { tensor: value.tensor, shape, order: kept.order };
    if (kept !== null) {
      return { tensor: this.reshape(value.tensor, storedShape(shape, kept.order)), shape, order: kept.order };
    }
    if (shape.length === 2 && shape[0] === 1) return { tensor: -1, shape, order: [0, 1], image: value };
    const source = this.arrange(value, plain(value.shape.length));
    return this.inFileOrder(source, shape);
  }

  /** Appends a node that computes output `index` of the foreign one, and gives that its meaning. */
  emit(
    operator: Operator,
    op: string,
    inputs: readonly number[],
    result: Result,
    attributes: unknown,
    index = 0,
  ): Value {
    const output = operator.outputs[index] ?? "";
    const value = this.node(index === 0 ? operator.name : output, output, op, inputs, result, attributes);
    this.set(output, value);
    return value;
  }

  /** Appends a node in front of the last one of a foreign node. */
  before(
    operator: Operator,
    op: string,
    inputs: readonly number[],
    result: Result,
    attributes: unknown,
  ): Value {
    const name = `${operator.name}/${op}${this.tensors.length}`;
    return this.node(name, name, op, inputs, result, attributes);
  }

  private node(
    name: string,
    output: string,
    op: string,
    inputs: readonly number[],
    { shape, order, format = { dtype: "float32" } }: Result,
    attributes: unknown,
  ): Value {
    const tensor = this.addTensor({ name: output, shape: storedShape(shape, order), ...format });
    const codes = inputs.find((input) => this.tensors[input]?.dtype === "int8" && !this.tensors[input].data);
    if (format.dtype === "float32" && codes !== undefined && op !== "requantize") {
      throw new DyadicError("UNSUPPORTED_OP", "arithmetic on integers without a scale is not supported", {
        found: `"${this.tensors[codes]!.name}"`,
        hint: "quantize the model with QuantizeLinear and DequantizeLinear around its operators (QDQ)",
      });
    }
    const moves = MOVING.includes(op) && this.unsigned.has(inputs[0]!);
    if (this.unsignedCodes.has(output) || moves) this.unsigned.add(tensor);
    this.nodes.push({ name, op, inputs, outputs: [tensor], attributes });
    return { tensor, shape, order };
  }

  addTensor(tensor: Tensor): number {
    const count = elements(tensor.shape);
    if (!tensor.shape.every((size) => Number.isSafeInteger(size) && size >= 1) || count > MAX_ELEMENTS) {
      throw new DyadicError("BAD_FILE", `"${tensor.name}" gets an impossible shape`, {
        expected: `sizes of at least 1, at most ${MAX_ELEMENTS} elements`,
        found: `[${tensor.shape.join(", ")}]`,
      });
    }
    return this.tensors.push(tensor) - 1;
  }

  /** An activation of the model itself. */
  addInput(name: string, value: Value, unsigned: boolean): void {
    if (unsigned) this.unsigned.add(value.tensor);
    this.set(name, value);
  }

  /** Whether the file has these codes as uint8. */
  isUnsigned(value: Value): boolean {
    return this.unsigned.has(value.tensor);
  }

  /** Notes that the file has the codes of this name as uint8, before they are made. */
  markUnsigned(name: string): void {
    this.unsignedCodes.add(name);
  }

  /** States the quantization of a tensor of codes. Throws UNSUPPORTED_OP where it was stated otherwise before. */
  declare(value: Value, quantization: Quantization): void {
    const index = value.image?.tensor ?? value.tensor;
    const tensor = this.tensors[index]!;
    const stated = { ...tensor, quantization };
    if (tensor.dtype !== "int8" || (tensor.quantization && !sameQuantization(tensor, stated))) {
      throw new DyadicError(
        "UNSUPPORTED_OP",
        `"${tensor.name}" is read with another scale than it was written`,
        {
          expected: `int8 or uint8, scale ${tensor.quantization?.scale ?? "not stated"}`,
          found: `${tensor.dtype}, scale ${quantization.scale}`,
        },
      );
    }
    this.tensors[index] = stated;
  }

  /**
   * Gives codes whose scale nobody stated that of the codes they are moved to or from; where there are none, they are
   * plain integers.
   */
  stateCodes(): void {
    const state = (index: number, quantization: Quantization | undefined) => {
      const tensor = this.tensors[index]!;
      if (tensor.dtype !== "int8" || tensor.quantization !== undefined || quantization === undefined) return;
      this.tensors[index] = { ...tensor, quantization };
    };
    const known = (index: number) => this.tensors[index]!.quantization;
    const moving = this.nodes.filter(({ op }) => MOVING.includes(op));
    for (const { inputs, outputs } of moving.toReversed()) state(inputs[0]!, known(outputs[0]!));
    for (const { inputs, outputs } of moving) state(outputs[0]!, known(inputs[0]!));
    for (const index of this.unsigned) state(index, { scale: [1], zeroPoint: [-128], axis: null });
    for (const { inputs, outputs } of moving) state(outputs[0]!, known(inputs[0]!));
    this.tensors.forEach((_, index) => {
      state(index, { scale: [1], zeroPoint: [0], axis: null });
    });
  }

  /**
   * A constant as a tensor of the graph, its axes in the order given (-1: an additional 1): float32, or int8 and int32
   * codes with their quantization; unsigned codes and zero points lower by half their range.
   */
  store(constant: Constant, order: Order = plain(constant.shape.length)): number {
    const key = order.join();
    const known = this.stored.get(constant)?.get(key);
    if (known !== undefined) return known;
    const axes = order.filter((axis) => axis !== -1);
    const moved = axes.every((axis, i) => axis === i) ? constant : transposed(constant, axes, this.budget);
    const { data, shape } = reshaped(moved, storedShape(constant.shape, order));
    const { quantization, name } = constant;
    const index = this.addTensor({
      name,
      shape,
      ...storedCodes(constant, data),
      ...quantized(quantization, order),
    });
    this.stored.set(constant, (this.stored.get(constant) ?? new Map()).set(key, index));
    return index;
  }
}

function quantized(quantization: Quantization | undefined, order: Order) {
  if (quantization === undefined) return {};
  const { axis } = quantization;
  return { quantization: { ...quantization, axis: axis === null ? null : order.indexOf(axis) } };
}

function storedCodes({ name, type, quantization }: Constant, data: Constant["data"]) {
  if (quantization === undefined) {
    if (isFloat(type)) return { dtype: "float32", data: Float32Array.from(data) } as const;
  } else if (type === "int32") return { dtype: "int32", data: Int32Array.from(data) } as const;
  else if (CODE_BITS[type] !== undefined) {
    const shift = unsignedShift(type);
    return { dtype: "int8", data: Int8Array.from(data, (code) => code - shift) } as const;
  }
  throw new DyadicError("UNSUPPORTED_OP", `the constant "${name}" has a type that a layer cannot use`, {
    expected: quantization === undefined ? "float" : `${Object.keys(CODE_BITS).join(", ")} or int32 codes`,
    found: `${type}${quantization === undefined ? " without a scale" : ""}`,
  });
}

export function isConstant(found: Value | Constant): found is Constant {
  return "data" in found;
}
