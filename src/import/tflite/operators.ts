import type { Adapter } from "./builder.ts";
import { batchMatMul, dense } from "./dense.ts";
import {
  concatenation,
  depthToSpace,
  gather,
  pack,
  resizeBilinear,
  resizeNearest,
  slice,
  spaceToDepth,
  split,
  splitV,
  stridedSlice,
  transpose,
  unpack,
} from "./moving.ts";
import {
  binary,
  cast,
  gelu,
  l2Normalization,
  leakyRelu,
  quantize,
  requantize,
  softmax,
  unary,
} from "./pointwise.ts";
import { assignVariable, callOnce, lstm, readVariable, varHandle } from "./recurrent.ts";
import { argMax, argMin, reduce, reduceMin } from "./reduce.ts";
import * as schema from "./schema.generated.ts";
import { mirrorPad, pad, reshape } from "./shaping.ts";
import { averagePool, conv, depthwise, maxPool, transposeConv } from "./window.ts";

/** One foreign operator that Dyadic imports. */
export interface Row {
  readonly code: number;
  /** The newest version whose meaning the adapter knows. */
  readonly version: number;
  /** How many inputs are required, and how many there may be. */
  readonly inputs: readonly [required: number, allowed: number];
  /** How many outputs there may be; 1 when absent, 0: none. */
  readonly outputs?: number;
  readonly adapt: Adapter;
}

const { BuiltinOperator: Op, BuiltinOptions: T } = schema;
/** Inputs or outputs of an operator that takes any number. */
const MANY = 256;

/** The operators that Dyadic imports: a new one is a row here and an adapter. */
export const OPERATORS: readonly Row[] = [
  {
    code: Op.ADD,
    version: 5,
    inputs: [2, 2],
    adapt: binary("add", T.AddOptions, () => new schema.AddOptions()),
  },
  { code: Op.ABS, version: 5, inputs: [1, 1], adapt: unary("abs") },
  { code: Op.ARG_MAX, version: 3, inputs: [2, 2], adapt: argMax },
  { code: Op.ARG_MIN, version: 3, inputs: [2, 2], adapt: argMin },
  { code: Op.ASSIGN_VARIABLE, version: 1, inputs: [2, 2], outputs: 0, adapt: assignVariable },
  { code: Op.AVERAGE_POOL_2D, version: 3, inputs: [1, 1], adapt: averagePool },
  { code: Op.BATCH_MATMUL, version: 6, inputs: [2, 2], adapt: batchMatMul },
  { code: Op.CALL_ONCE, version: 1, inputs: [0, 0], outputs: 0, adapt: callOnce },
  { code: Op.CAST, version: 7, inputs: [1, 1], adapt: cast },
  { code: Op.CONCATENATION, version: 4, inputs: [1, MANY], adapt: concatenation },
  { code: Op.CONV_2D, version: 8, inputs: [2, 3], adapt: conv },
  { code: Op.DEPTH_TO_SPACE, version: 2, inputs: [1, 1], adapt: depthToSpace },
  { code: Op.DEPTHWISE_CONV_2D, version: 7, inputs: [2, 3], adapt: depthwise },
  { code: Op.DEQUANTIZE, version: 6, inputs: [1, 1], adapt: quantize },
  { code: Op.ELU, version: 1, inputs: [1, 1], adapt: unary("elu") },
  { code: Op.EXP, version: 2, inputs: [1, 1], adapt: unary("exp") },
  { code: Op.EXPAND_DIMS, version: 1, inputs: [2, 2], adapt: reshape },
  { code: Op.FULLY_CONNECTED, version: 13, inputs: [2, 3], adapt: dense },
  { code: Op.GATHER, version: 7, inputs: [2, 2], adapt: gather },
  { code: Op.GELU, version: 2, inputs: [1, 1], adapt: gelu },
  { code: Op.HARD_SWISH, version: 1, inputs: [1, 1], adapt: unary("hardSwish") },
  { code: Op.L2_NORMALIZATION, version: 2, inputs: [1, 1], adapt: l2Normalization },
  { code: Op.LEAKY_RELU, version: 2, inputs: [1, 1], adapt: leakyRelu },
  { code: Op.LOGISTIC, version: 3, inputs: [1, 1], adapt: unary("sigmoid") },
  { code: Op.MAX_POOL_2D, version: 3, inputs: [1, 1], adapt: maxPool },
  { code: Op.MAXIMUM, version: 4, inputs: [2, 2], adapt: binary("maximum") },
  { code: Op.MEAN, version: 3, inputs: [2, 2], adapt: reduce("mean") },
  { code: Op.MIRROR_PAD, version: 3, inputs: [2, 2], adapt: mirrorPad },
  { code: Op.MINIMUM, version: 4, inputs: [2, 2], adapt: binary("minimum") },
  {
    code: Op.MUL,
    version: 7,
    inputs: [2, 2],
    adapt: binary("mul", T.MulOptions, () => new schema.MulOptions()),
  },
  { code: Op.NEG, version: 1, inputs: [1, 1], adapt: unary("neg") },
  { code: Op.PACK, version: 4, inputs: [1, MANY], adapt: pack },
  { code: Op.PAD, version: 4, inputs: [2, 2], adapt: pad },
  { code: Op.PADV2, version: 4, inputs: [3, 3], adapt: pad },
  { code: Op.PRELU, version: 1, inputs: [2, 2], adapt: binary("prelu") },
  { code: Op.QUANTIZE, version: 3, inputs: [1, 1], adapt: quantize },
  { code: Op.READ_VARIABLE, version: 1, inputs: [1, 1], adapt: readVariable },
  { code: Op.REDUCE_MAX, version: 3, inputs: [2, 2], adapt: reduce("maxPool") },
  { code: Op.REDUCE_MIN, version: 3, inputs: [2, 2], adapt: reduceMin },
  { code: Op.RELU, version: 3, inputs: [1, 1], adapt: requantize("relu") },
  { code: Op.RELU6, version: 3, inputs: [1, 1], adapt: requantize("relu6") },
  { code: Op.RELU_N1_TO_1, version: 3, inputs: [1, 1], adapt: requantize("reluN1To1") },
  { code: Op.RESHAPE, version: 2, inputs: [1, 2], adapt: reshape },
  { code: Op.RESIZE_BILINEAR, version: 4, inputs: [2, 2], adapt: resizeBilinear },
  { code: Op.RESIZE_NEAREST_NEIGHBOR, version: 4, inputs: [2, 2], adapt: resizeNearest },
  { code: Op.RSQRT, version: 3, inputs: [1, 1], adapt: unary("rsqrt") },
  { code: Op.SLICE, version: 5, inputs: [3, 3], adapt: slice },
  { code: Op.SOFTMAX, version: 3, inputs: [1, 1], adapt: softmax },
  { code: Op.SPACE_TO_DEPTH, version: 2, inputs: [1, 1], adapt: spaceToDepth },
  { code: Op.SPLIT, version: 4, inputs: [2, 2], outputs: MANY, adapt: split },
  { code: Op.SPLIT_V, version: 2, inputs: [3, 3], outputs: MANY, adapt: splitV },
  { code: Op.SQRT, version: 1, inputs: [1, 1], adapt: unary("sqrt") },
  { code: Op.SQUARE, version: 1, inputs: [1, 1], adapt: unary("square") },
  { code: Op.SQUEEZE, version: 2, inputs: [1, 1], adapt: reshape },
  { code: Op.STRIDED_SLICE, version: 6, inputs: [4, 4], adapt: stridedSlice },
  {
    code: Op.SUB,
    version: 5,
    inputs: [2, 2],
    adapt: binary("sub", T.SubOptions, () => new schema.SubOptions()),
  },
  { code: Op.SUM, version: 2, inputs: [2, 2], adapt: reduce("sum") },
  { code: Op.TANH, version: 3, inputs: [1, 1], adapt: unary("tanh") },
  { code: Op.TRANSPOSE, version: 5, inputs: [2, 2], adapt: transpose },
  { code: Op.TRANSPOSE_CONV, version: 5, inputs: [3, 4], adapt: transposeConv },
  { code: Op.UNIDIRECTIONAL_SEQUENCE_LSTM, version: 4, inputs: [1, 24], adapt: lstm },
  { code: Op.UNPACK, version: 4, inputs: [1, 1], outputs: MANY, adapt: unpack },
  { code: Op.VAR_HANDLE, version: 1, inputs: [0, 0], adapt: varHandle },
];

const NAMES = new Map<number, string>(Object.entries(Op).map(([name, code]) => [code, name]));

/** Control flow: Dyadic runs subgraph 0 alone. */
const CALLERS: readonly number[] = [Op.CALL, Op.IF, Op.WHILE];
/** Layers with weights: what stands behind one that cannot run is no tail. */
const LAYERS: readonly number[] = [
  Op.CONV_2D,
  Op.DEPTHWISE_CONV_2D,
  Op.FULLY_CONNECTED,
  Op.TRANSPOSE_CONV,
  Op.UNIDIRECTIONAL_SEQUENCE_LSTM,
];

export function isLayer(code: number): boolean {
  return LAYERS.includes(code);
}

/** TFLite's own name of a builtin operator. */
export function operatorName(code: number): string {
  const name = NAMES.get(code) ?? `builtin operator ${code}`;
  return CALLERS.includes(code) ? `${name} (calls another subgraph)` : name;
}
