// One small float model for every ONNX operator that is imported, for comparison with another runtime.
import type { OnnxModel, OnnxNode, OnnxTensor } from "./onnx.ts";

/** Numbers between -1 and 1 without a pattern. */
export function wave(count: number, seed = 1): number[] {
  return Array.from({ length: count }, (_, i) => Math.fround(Math.sin((i + 1) * 12.9898 * seed)));
}

const IMAGE = [1, 4, 6, 5] as const;

const floats = (dims: readonly number[], seed = 2): OnnxTensor => ({
  dims,
  data: wave(
    dims.reduce((a, b) => a * b, 1),
    seed,
  ),
});
const INT64 = 7;
const longs = (...data: number[]): OnnxTensor => ({ dims: [data.length], type: INT64, data });
const scalar = (value: number): OnnxTensor => ({ dims: [], data: [value] });

interface Rest {
  readonly shape?: readonly number[];
  readonly constants?: Readonly<Record<string, OnnxTensor>>;
  readonly attributes?: OnnxNode["attributes"];
  readonly opset?: number;
  readonly outputs?: readonly string[];
  readonly domain?: string;
  /** Inputs of the node, where they are not x and the constants. */
  readonly inputs?: readonly string[];
}

function model(op: string, rest: Rest = {}): OnnxModel {
  const { shape = IMAGE, constants = {}, attributes = {}, opset = 17, outputs = ["y"], domain } = rest;
  const inputs = rest.inputs ?? ["x", ...Object.keys(constants)];
  return {
    inputs: [{ name: "x", shape }],
    outputs,
    initializers: constants,
    nodes: [{ op, name: op, inputs, outputs, attributes, ...(domain !== undefined && { domain }) }],
    opset,
  };
}

/** Behind an absolute value, for functions of what is not negative. */
function ofPositive(op: string): OnnxModel {
  const plain = model(op);
  const [node] = plain.nodes;
  const abs = { op: "Abs", name: "abs", inputs: ["x"], outputs: ["a"] };
  return { ...plain, nodes: [abs, { ...node!, inputs: ["a"] }] };
}

const window = {
  kernel_shape: { ints: [3, 3] },
  strides: { ints: [2, 1] },
  pads: { ints: [1, 1, 1, 1] },
};
const other = { constants: { b: floats(IMAGE) } };
const positive = { dims: [1, 4, 1, 1], data: [0.5, 1.5, 2.5, 0.75] };
const variance = { dims: [4], data: [0.5, 1.5, 2.5, 0.75] };
const axes = { attributes: { axes: { ints: [2, 3] }, keepdims: { i: 1 } } };

/** By operator, as the importer names it; the ones of quantized models have no float form. */
export const OPERATOR_MODELS: Readonly<Record<string, OnnxModel>> = {
  Abs: model("Abs"),
  Add: model("Add", other),
  ArgMax: {
    ...model("ArgMax", { attributes: { axis: { i: 1 } } }),
    outputs: [{ name: "y", type: INT64, shape: [1, 1, 6, 5] }],
  },
  AveragePool: model("AveragePool", { attributes: window }),
  BatchNormalization: model("BatchNormalization", {
    constants: { s: floats([4]), b: floats([4], 3), m: floats([4], 4), v: variance },
  }),
  Cast: model("Cast", { attributes: { to: { i: 1 } } }),
  Ceil: model("Ceil"),
  Celu: model("Celu"),
  Clip: model("Clip", { constants: { low: scalar(0), high: scalar(6) } }),
  Concat: model("Concat", { ...other, attributes: { axis: { i: 1 } } }),
  Conv: model("Conv", { constants: { w: floats([3, 4, 3, 3]), b: floats([3]) }, attributes: window }),
  ConvTranspose: model("ConvTranspose", {
    constants: { w: floats([4, 3, 3, 3]), b: floats([3]) },
    attributes: { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, pads: { ints: [1, 1, 1, 1] } },
  }),
  DepthToSpace: model("DepthToSpace", { attributes: { blocksize: { i: 2 } } }),
  Div: model("Div", { constants: { b: positive } }),
  Dropout: model("Dropout"),
  Elu: model("Elu"),
  Erf: model("Erf"),
  Exp: model("Exp"),
  Flatten: model("Flatten"),
  Floor: model("Floor"),
  Gather: model("Gather", { constants: { i: longs(3, 0, 2) }, attributes: { axis: { i: 1 } } }),
  Gelu: model("Gelu", { opset: 20 }),
  Gemm: model("Gemm", {
    shape: [1, 12],
    constants: { w: floats([5, 12]), b: floats([5]) },
    attributes: { transB: { i: 1 }, alpha: { f: 0.5 } },
  }),
  GlobalAveragePool: model("GlobalAveragePool"),
  GlobalMaxPool: model("GlobalMaxPool"),
  HardSigmoid: model("HardSigmoid"),
  HardSwish: model("HardSwish"),
  Identity: model("Identity"),
  LeakyRelu: model("LeakyRelu"),
  Log: ofPositive("Log"),
  LpNormalization: model("LpNormalization", { attributes: { axis: { i: 1 } } }),
  MatMul: model("MatMul", { shape: [1, 12], constants: { w: floats([12, 5]) } }),
  Max: model("Max", other),
  MaxPool: model("MaxPool", { attributes: window }),
  Mean: model("Mean", other),
  Min: model("Min", other),
  Mish: model("Mish", { opset: 18 }),
  Mul: model("Mul", other),
  Neg: model("Neg"),
  PRelu: model("PRelu", { constants: { s: floats([4, 1, 1]) } }),
  Pad: model("Pad", { constants: { p: longs(0, 0, 1, 2, 0, 0, 0, 1), v: scalar(0.75) } }),
  Pow: model("Pow", { constants: { p: scalar(2) } }),
  Reciprocal: ofPositive("Reciprocal"),
  ReduceMax: model("ReduceMax", axes),
  ReduceMean: model("ReduceMean", axes),
  ReduceMin: model("ReduceMin", axes),
  ReduceSum: model("ReduceSum", { constants: { a: longs(2, 3) } }),
  Relu: model("Relu"),
  Reshape: model("Reshape", { constants: { s: longs(1, 120) } }),
  Resize: model("Resize", {
    constants: { scales: { dims: [4], data: [1, 1, 2, 2] } },
    inputs: ["x", "", "scales"],
    attributes: { mode: { s: "linear" }, coordinate_transformation_mode: { s: "half_pixel" } },
  }),
  Round: model("Round"),
  Selu: model("Selu"),
  Sigmoid: model("Sigmoid"),
  Sign: model("Sign"),
  Slice: model("Slice", { constants: { from: longs(1), to: longs(5), axis: longs(2), step: longs(2) } }),
  Softmax: model("Softmax", { shape: [1, 12], attributes: { axis: { i: 1 } } }),
  Softplus: model("Softplus"),
  Softsign: model("Softsign"),
  SpaceToDepth: model("SpaceToDepth", { shape: [1, 4, 6, 4], attributes: { blocksize: { i: 2 } } }),
  Split: model("Split", {
    constants: { parts: longs(1, 3) },
    attributes: { axis: { i: 1 } },
    outputs: ["y", "z"],
  }),
  Sqrt: ofPositive("Sqrt"),
  Squeeze: model("Squeeze", { shape: [1, 4, 1, 1], constants: { a: longs(2, 3) } }),
  Sub: model("Sub", other),
  Sum: model("Sum", other),
  Swish: model("Swish", { opset: 24 }),
  Tanh: model("Tanh"),
  ThresholdedRelu: model("ThresholdedRelu"),
  Transpose: model("Transpose", { attributes: { perm: { ints: [0, 2, 3, 1] } } }),
  Unsqueeze: model("Unsqueeze", { shape: [1, 12], constants: { a: longs(2) } }),
  Upsample: model("Upsample", { opset: 9, constants: { scales: { dims: [4], data: [1, 1, 2, 2] } } }),
  "com.microsoft.Gelu": model("Gelu", { domain: "com.microsoft" }),
  "com.microsoft.FastGelu": model("FastGelu", { domain: "com.microsoft" }),
};
