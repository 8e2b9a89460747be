import { DyadicError } from "../../error.ts";
import { type Border, type Graph, type Quantization, validateGraph } from "../../graph/graph.ts";
import type { Survey } from "../survey.ts";
import { Builder, isConstant, type Value } from "./builder.ts";
import { type Constant, ConstantReader, dequantized, type ReadExternal, typeName } from "./constant.ts";
import { decodeModel } from "./decode.ts";
import { FOLDERS } from "./fold.ts";
import { FoldBudget } from "./folder.ts";
import { inputOrder } from "./input-order.ts";
import { rewriteIntegerProducts } from "./integer-products.ts";
import { channelsLast, fileOrder, movedAxes, plain, storedShape } from "./layout.ts";
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from "./messages.ts";
import { Operator } from "./operator.ts";
import { OPERATORS } from "./operators.ts";
import { checkOperators, neededNodes } from "./support.ts";

export type { ReadExternal } from "./constant.ts";

export interface OnnxOptions {
  /** Supplies external data files by the names that the model has for them. */
  readonly readExternal?: ReadExternal;
  /** Notes all that the model needs and all that is wrong with it, instead of the first thing alone. */
  readonly survey?: Survey;
}

const MIN_OPSET = 7;
const MAX_RANK = 8;
const POLICY = "dyadic.policy";

/**
 * Reads an ONNX model, float or quantized, as a Graph: constants folded, a dynamic batch 1, images NHWC. Borders keep
 * the file's shape (layout NCHW). uint8 codes become int8, 128 lower.
 * Throws BAD_FILE for a damaged file and UNSUPPORTED_OP, which lists every operator that Dyadic does not have.
 */
export function importOnnx(bytes: Uint8Array, file?: string, options: OnnxOptions = {}): Graph {
  try {
    return readModel(decodeModel(bytes), options);
  } catch (error) {
    const place = file === undefined ? {} : { file };
    if (error instanceof DyadicError) throw error.at(place);
    throw new DyadicError("INTERNAL", "the ONNX importer failed; please report this file", place, error);
  }
}

function readModel(model: ModelProto, options: OnnxOptions): Graph {
  if (model.graph === null) throw new DyadicError("BAD_FILE", "the model has no graph");
  const graph = rewriteIntegerProducts(model.graph);
  const opset = opsetOf(model);
  if (model.functions > 0 || graph.sparse > 0) {
    const what = model.functions > 0 ? "functions of its own" : "sparse initialisers";
    throw new DyadicError("UNSUPPORTED_OP", `the model has ${what}`, { hint: "export it without them" });
  }
  const nodes = neededNodes(graph);
  const known = checkOperators(nodes, graph, options.survey);
  const builder = new Builder(new FoldBudget());
  const initial = readInitializers(graph, nodes, builder, options);
  const inputs = graph.inputs
    .filter((input) => !initial.has(input.name))
    .map((input) => readInput(input, nodes, builder));
  const reader = new ConstantReader(options.readExternal);
  const lost = lostOutputs(nodes, known);
  for (const node of known) {
    const operator = new Operator(node, opset);
    if (node.inputs.some((input) => lost.has(input))) for (const output of node.outputs) lost.add(output);
    else surveyed(options.survey, operator, lost, () => adapt(node, operator, builder, reader));
  }
  options.survey?.end();
  const outputs = graph.outputs.map((output) => readOutput(output, builder));
  if (inputs.length === 0 || outputs.length === 0) {
    throw new DyadicError("BAD_FILE", "the model needs at least one input and one output");
  }
  builder.stateCodes();
  const policy = model.metadata.get(POLICY);
  const result: Graph = {
    name: graph.name || "model",
    tensors: builder.tensors,
    nodes: builder.nodes,
    inputs,
    outputs,
    ...(policy !== undefined && { policy }),
  };
  validateGraph(result);
  return result;
}

/** What the nodes would have made that are not known. */
function lostOutputs(nodes: readonly NodeProto[], known: readonly NodeProto[]): Set<string> {
  const kept = new Set(known);
  return new Set(nodes.filter((node) => !kept.has(node)).flatMap(({ outputs }) => outputs));
}

/** Does `action`; with a survey, a node that is refused only loses its outputs. */
function surveyed(
  survey: Survey | undefined,
  operator: Operator,
  lost: Set<string>,
  action: () => void,
): void {
  try {
    action();
  } catch (error) {
    if (survey === undefined || !(error instanceof DyadicError)) throw error;
    survey.refuse(operator.type, operator.name, error);
    for (const output of operator.outputs) lost.add(output);
  }
}

function opsetOf(model: ModelProto): number {
  const opset = model.opsets.get("") ?? model.opsets.get("ai.onnx");
  if (opset !== undefined && opset >= MIN_OPSET) return opset;
  throw new DyadicError("UNSUPPORTED_OP", "the model's operator set is too old or not stated", {
    expected: `opset ${MIN_OPSET} or newer`,
    found: opset === undefined ? "none" : `${opset}`,
    hint: "convert it with onnx.version_converter, or export it again",
  });
}

/** Reads the initialisers that somebody needs; returns the names of all. */
function readInitializers(
  graph: GraphProto,
  nodes: readonly NodeProto[],
  builder: Builder,
  options: OnnxOptions,
): ReadonlySet<string> {
  const reader = new ConstantReader(options.readExternal);
  const needed = new Set([...nodes.flatMap((node) => node.inputs), ...graph.outputs.map(({ name }) => name)]);
  for (const initializer of graph.initializers) {
    if (!needed.has(initializer.name)) continue;
    const constant = reader.read(initializer);
    builder.budget.grant(constant.data.length);
    builder.set(initializer.name, constant);
  }
  return new Set(graph.initializers.map(({ name }) => name));
}

function readInput(input: ValueInfoProto, nodes: readonly NodeProto[], builder: Builder): Border {
  const { name, type } = input;
  const found = typeName(type?.elementType ?? 0);
  const read = isReal(found) || isOnlyCast(name, nodes) ? "float32" : found;
  if (read !== "float32" && read !== "int8" && read !== "uint8") {
    throw new DyadicError("UNSUPPORTED_OP", `the input "${name}" has an element type that Dyadic has not`, {
      expected: "float, int8 or uint8",
      found,
    });
  }
  const shape = inputShape(input);
  const order = inputOrder(name, shape, nodes);
  const dtype = read === "float32" ? read : "int8";
  const tensor = builder.addTensor({ name, dtype, shape: storedShape(shape, order) });
  builder.addInput(name, { tensor, shape, order }, read === "uint8");
  return { name, tensor, dtype: read, shape, layout: layoutOf(shape, order) };
}

const REALS = ["float", "float16", "bfloat16", "double"];
const isReal = (type: string) => REALS.includes(type);

/** Whether all that a model does with an input of integers is to cast them to reals: it then takes reals. */
function isOnlyCast(name: string, nodes: readonly NodeProto[]): boolean {
  const readers = nodes.filter(({ inputs }) => inputs.includes(name));
  return (
    readers.length > 0 &&
    readers.every(({ opType, attributes }) => {
      return opType === "Cast" && isReal(typeName(attributes.get("to")?.i ?? 0));
    })
  );
}

function layoutOf(shape: readonly number[], order: readonly number[]): Border["layout"] {
  const isImage = shape.length === 3 || shape.length === 4;
  if (isImage && order.join() === channelsLast(shape.length).join()) return "NCHW";
  return shape.length === 4 ? "NHWC" : "flat";
}

/** The input's static shape: a batch that is open becomes 1. Throws UNSUPPORTED_OP naming every other open size. */
function inputShape({ name, type }: ValueInfoProto): number[] {
  const dims = type?.dims;
  const found = `[${dims?.map((size) => `${size}`.slice(0, 40)).join(", ") ?? "unknown rank"}]`;
  const hint = "export the model with a fixed input shape";
  if (!dims || dims.length === 0 || dims.length > MAX_RANK) {
    throw new DyadicError("UNSUPPORTED_OP", `the input "${name}" has no shape that Dyadic can use`, {
      found,
      hint,
    });
  }
  const isOpen = (size: number | string) => typeof size === "string" || size <= 0;
  const open = dims.flatMap((size, axis) =>
    axis > 0 && isOpen(size) ? [`dimension ${axis} ("${size}")`] : [],
  );
  if (open.length > 0) {
    const problem = `the input "${name}" has sizes that are known only at run time: ${open.join(", ")}`;
    throw new DyadicError("UNSUPPORTED_OP", problem, {
      expected: "a static shape; only the batch may be dynamic",
      found,
      hint,
    });
  }
  return dims.map((size) => (typeof size === "string" || size <= 0 ? 1 : size));
}

function adapt(node: NodeProto, operator: Operator, builder: Builder, reader: ConstantReader): void {
  try {
    if (operator.type === "Constant") {
      const constant = readConstant(operator, reader);
      builder.budget.grant(constant.data.length);
      builder.set(operator.outputs[0]!, constant);
      return;
    }
    const inputs = node.inputs.map((_, index) => builder.input(operator, index));
    if (operator.type === "Shape") builder.set(operator.outputs[0]!, shapeOf(operator, inputs[0]));
    else if (isFoldable(operator, inputs)) fold(operator, inputs, builder, reader);
    else OPERATORS[operator.type]!(operator, builder);
    for (const output of node.outputs.slice(1)) builder.noteMissing(output, operator.type);
  } catch (error) {
    if (error instanceof DyadicError) throw error.at({ node: operator.name, op: operator.type });
    throw error;
  }
}

type Inputs = readonly (Value | Constant | undefined)[];

function isFoldable(operator: Operator, inputs: Inputs): inputs is (Constant | undefined)[] {
  const constant = inputs.every((input) => input === undefined || isConstant(input));
  return constant && Object.hasOwn(FOLDERS, operator.type);
}

function fold(
  operator: Operator,
  inputs: readonly (Constant | undefined)[],
  builder: Builder,
  reader: ConstantReader,
): void {
  const [first] = inputs;
  const name = operator.outputs[0]!;
  const kept = first === undefined ? undefined : keptQuantization(operator, first);
  const operands = kept === undefined ? inputs.map((input) => input && dequantized(input)) : inputs;
  let result = FOLDERS[operator.type]!(operator, operands, builder.budget);
  const fill = operator.type === "ConstantOfShape" ? operator.tensor("value") : undefined;
  if (fill !== undefined) {
    const { type, data } = reader.read(fill);
    result = { ...result, type, data: new Float64Array(result.data.length).fill(data[0] ?? 0) };
  }
  builder.set(name, { ...result, name, ...(kept && { quantization: kept }) });
}

/** Quantization of a folded constant of codes where the operator only moves them. */
function keptQuantization(operator: Operator, x: Constant): Quantization | undefined {
  if (x.quantization === undefined) return undefined;
  const { axis } = x.quantization;
  if (operator.type === "Identity") return x.quantization;
  if (operator.type === "Reshape" && axis === null) return x.quantization;
  if (operator.type !== "Transpose") return undefined;
  const perm = operator.ints("perm") ?? plain(x.shape.length).toReversed();
  return { ...x.quantization, axis: axis === null ? null : perm.indexOf(axis) };
}

function readConstant(operator: Operator, reader: ConstantReader): Constant {
  const name = operator.outputs[0] ?? "";
  const tensor = operator.tensor("value");
  if (tensor !== undefined) return { ...reader.read(tensor), name };
  const list = (type: Constant["type"], shape: readonly number[], data: Constant["data"]): Constant => {
    return { name, type, shape, data };
  };
  if (operator.has("value_float"))
    return list("float", [], Float32Array.of(operator.float("value_float", 0)));
  if (operator.has("value_int")) return list("int64", [], Float64Array.of(operator.int("value_int", 0)));
  const floats = operator.floats("value_floats");
  if (floats !== undefined && operator.has("value_floats")) {
    return list("float", [floats.length], Float32Array.from(floats));
  }
  const ints = operator.ints("value_ints");
  if (ints !== undefined) return list("int64", [ints.length], Float64Array.from(ints));
  throw new DyadicError("UNSUPPORTED_OP", "the constant is neither numbers nor a dense tensor");
}

/** The static shape of a value, as far as `start` and `end` ask for it. */
function shapeOf(operator: Operator, input: Value | Constant | undefined): Constant {
  if (input === undefined) throw new DyadicError("BAD_FILE", "input 0 is missing");
  const end = operator.has("end") ? operator.int("end", 0) : input.shape.length;
  const data = Float64Array.from(input.shape.slice(operator.int("start", 0), end));
  return { name: operator.outputs[0] ?? "", type: "int64", shape: [data.length], data };
}

function readOutput({ name }: ValueInfoProto, builder: Builder): Border {
  const found = builder.get(name);
  if (isConstant(found)) {
    throw new DyadicError("UNSUPPORTED_OP", `the output "${name}" does not depend on the input`);
  }
  const value = builder.settle(found);
  const { shape } = value;
  const image = channelsLast(shape.length);
  const lies = movedAxes(shape, value.order).join();
  const order = shape.length >= 3 && lies === movedAxes(shape, image).join() ? image : fileOrder(shape);
  const tensor = builder.arrange(value, order);
  const { dtype } = builder.tensors[tensor]!;
  const unsigned = dtype === "int8" && builder.isUnsigned({ ...value, tensor });
  return { name, tensor, dtype: unsigned ? "uint8" : dtype, shape, layout: layoutOf(shape, order) };
}
