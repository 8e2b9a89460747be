import type { Builder } from "flatbuffers";
import { expect, it } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import { OPERATORS, operatorName } from "../../src/import/tflite/operators.ts";
import * as schema from "../../src/import/tflite/schema.generated.ts";
import { runReference } from "../../src/quantize/reference.ts";
import { buildTflite, type TfliteTensor, type WriteOptions } from "../cases/tflite.ts";

const { BuiltinOperator: Op, BuiltinOptions: T, Fused, TensorType: Type } = schema;

/** Scale 1, zero point 0: codes are the values. */
const plain = { scale: [1], zeroPoint: [0] };
const ints = (...values: number[]): TfliteTensor => ({
  shape: [values.length],
  type: Type.INT32,
  data: Int32Array.from(values),
});

function table(type: number, write: (b: Builder) => number): WriteOptions {
  return (b) => [type, write(b)];
}

interface Case {
  readonly code: number;
  readonly input: readonly number[];
  readonly codes: readonly number[];
  /** Constants among the inputs, in their order; null stands for the input. */
  readonly operands?: readonly (TfliteTensor | null)[];
  readonly options?: WriteOptions;
  readonly outputs: readonly { readonly shape: readonly number[]; readonly codes: readonly number[] }[];
  readonly affine?: { readonly scale: readonly number[]; readonly zeroPoint: readonly number[] };
  readonly type?: number;
}

/** Imports, compiles and runs a model of one operator on its one input. */
function outputsOf({ code, input, operands = [null], outputs, affine = plain, ...rest }: Case): number[][] {
  const tensors: TfliteTensor[] = [{ name: "x", shape: input, ...plain }];
  const inputs = operands.map((operand) => (operand === null ? 0 : tensors.push(operand) - 1));
  const results = outputs.map(({ shape }, i) => {
    const own = rest.type === undefined ? affine : {};
    return tensors.push({ name: `y${i}`, shape, ...own, ...(rest.type && { type: rest.type }) }) - 1;
  });
  const operator = { code, inputs, outputs: results, ...(rest.options && { options: rest.options }) };
  const file = buildTflite({ tensors, operators: [operator], inputs: [0], outputs: results });
  const { integer } = compileGraph(importTflite(file));
  const values = runReference(integer, [Int8Array.from(rest.codes)]);
  return integer.outputs.map((border) => [...values[border.tensor]!]);
}

const ramp = (count: number) => Array.from({ length: count }, (_, i) => i);
const window = table(T.TransposeConvOptions, (b) => {
  return schema.TransposeConvOptions.createTransposeConvOptions(b, schema.Padding.VALID, 2, 2, Fused.NONE);
});

const mirror = (mode: number) =>
  table(T.MirrorPadOptions, (b) => schema.MirrorPadOptions.createMirrorPadOptions(b, mode));

const CASES: readonly Case[] = [
  {
    code: Op.MIRROR_PAD,
    input: [1, 4],
    codes: [1, 2, 3, 4],
    operands: [null, { shape: [2, 2], type: schema.TensorType.INT32, data: Int32Array.of(0, 0, 2, 1) }],
    options: mirror(schema.MirrorPadMode.REFLECT),
    outputs: [{ shape: [1, 7], codes: [3, 2, 1, 2, 3, 4, 3] }],
  },
  {
    code: Op.MIRROR_PAD,
    input: [1, 2, 2, 1],
    codes: [1, 2, 3, 4],
    operands: [
      null,
      { shape: [4, 2], type: schema.TensorType.INT32, data: Int32Array.of(0, 0, 1, 0, 0, 2, 0, 0) },
    ],
    options: mirror(schema.MirrorPadMode.SYMMETRIC),
    outputs: [{ shape: [1, 3, 4, 1], codes: [1, 2, 2, 1, 1, 2, 2, 1, 3, 4, 4, 3] }],
  },
  {
    code: Op.PADV2,
    input: [1, 1, 2, 1],
    codes: [5, 6],
    operands: [
      null,
      { shape: [4, 2], type: schema.TensorType.INT32, data: Int32Array.of(0, 0, 0, 0, 1, 1, 0, 0) },
      { shape: [1], data: Int8Array.of(-9), ...plain },
    ],
    outputs: [{ shape: [1, 1, 4, 1], codes: [-9, 5, 6, -9] }],
  },
  {
    code: Op.REDUCE_MIN,
    input: [1, 2, 2, 1],
    codes: [5, -128, 7, 127],
    operands: [null, { shape: [2], type: schema.TensorType.INT32, data: Int32Array.of(1, 2) }],
    outputs: [{ shape: [1, 1], codes: [-128] }],
  },
  {
    code: Op.ARG_MIN,
    input: [1, 4],
    codes: [5, -3, 7, -3],
    operands: [null, { shape: [1], type: schema.TensorType.INT32, data: Int32Array.of(1) }],
    outputs: [{ shape: [1], codes: [1 - 128] }],
    type: schema.TensorType.INT32,
  },
  {
    code: Op.BATCH_MATMUL,
    input: [1, 2, 3],
    codes: [1, 2, 3, 4, 5, 6],
    operands: [null, { shape: [1, 2, 3], data: Int8Array.of(1, 0, 2, -1, 1, 0), ...plain }],
    options: table(T.BatchMatMulOptions, (b) =>
      schema.BatchMatMulOptions.createBatchMatMulOptions(b, false, true),
    ),
    outputs: [{ shape: [1, 2, 2], codes: [7, 1, 16, 1] }],
  },
  {
    code: Op.BATCH_MATMUL,
    input: [1, 2, 2, 1],
    codes: [1, 2, 3, 4],
    operands: [null, { shape: [1, 1, 2, 2], data: Int8Array.of(1, 2, 3, 4), ...plain }],
    options: table(T.BatchMatMulOptions, (b) =>
      schema.BatchMatMulOptions.createBatchMatMulOptions(b, true, false),
    ),
    outputs: [{ shape: [1, 2, 1, 2], codes: [7, 10, 15, 22] }],
  },
  { code: Op.NEG, input: [1, 2], codes: [5, -6], outputs: [{ shape: [1, 2], codes: [-5, 6] }] },
  { code: Op.ABS, input: [1, 2], codes: [5, -6], outputs: [{ shape: [1, 2], codes: [5, 6] }] },
  {
    code: Op.SUB,
    input: [1, 1, 2, 2],
    codes: [10, 20, 30, 40],
    operands: [null, { shape: [2], data: Int8Array.of(1, 2), ...plain }],
    outputs: [{ shape: [1, 1, 2, 2], codes: [9, 18, 29, 38] }],
  },
  {
    code: Op.MUL,
    input: [1, 1, 2, 2],
    codes: [1, 2, 3, -4],
    operands: [null, { shape: [1, 1, 2, 1], data: Int8Array.of(3, 5), ...plain }],
    outputs: [{ shape: [1, 1, 2, 2], codes: [3, 6, 15, -20] }],
  },
  {
    code: Op.MAXIMUM,
    input: [1, 4],
    codes: [-2, -1, 0, 7],
    operands: [null, { shape: [1], data: Int8Array.of(-1), ...plain }],
    outputs: [{ shape: [1, 4], codes: [-1, -1, 0, 7] }],
  },
  {
    code: Op.MINIMUM,
    input: [1, 2],
    codes: [-2, 5],
    operands: [{ shape: [1], data: Int8Array.of(3), ...plain }, null],
    outputs: [{ shape: [1, 2], codes: [-2, 3] }],
  },
  {
    code: Op.PRELU,
    input: [1, 1, 2, 2],
    codes: [-4, -4, 4, 4],
    operands: [null, { shape: [1, 1, 2], data: Int8Array.of(2, -3), ...plain }],
    outputs: [{ shape: [1, 1, 2, 2], codes: [-8, 12, 4, 4] }],
  },
  {
    code: Op.LOGISTIC,
    input: [1, 3],
    codes: [-100, 0, 100],
    affine: { scale: [1 / 256], zeroPoint: [-128] },
    outputs: [{ shape: [1, 3], codes: [-128, 0, 127] }],
  },
  {
    code: Op.TANH,
    input: [1, 3],
    codes: [-100, 0, 100],
    affine: { scale: [1 / 128], zeroPoint: [0] },
    outputs: [{ shape: [1, 3], codes: [-128, 0, 127] }],
  },
  { code: Op.HARD_SWISH, input: [1, 3], codes: [-3, 3, 9], outputs: [{ shape: [1, 3], codes: [0, 3, 9] }] },
  { code: Op.ELU, input: [1, 3], codes: [-20, 0, 9], outputs: [{ shape: [1, 3], codes: [-1, 0, 9] }] },
  { code: Op.GELU, input: [1, 3], codes: [-20, 0, 9], outputs: [{ shape: [1, 3], codes: [0, 0, 9] }] },
  {
    code: Op.LEAKY_RELU,
    input: [1, 2],
    codes: [-8, 8],
    options: table(T.LeakyReluOptions, (b) => schema.LeakyReluOptions.createLeakyReluOptions(b, 0.5)),
    outputs: [{ shape: [1, 2], codes: [-4, 8] }],
  },
  {
    code: Op.L2_NORMALIZATION,
    input: [1, 2],
    codes: [30, -40],
    affine: { scale: [1 / 128], zeroPoint: [0] },
    outputs: [{ shape: [1, 2], codes: [77, -102] }],
  },
  {
    code: Op.CONCATENATION,
    input: [1, 2],
    codes: [1, 2],
    operands: [null, { shape: [1, 1], data: Int8Array.of(4), scale: [2], zeroPoint: [1] }],
    options: table(T.ConcatenationOptions, (b) =>
      schema.ConcatenationOptions.createConcatenationOptions(b, -1, Fused.NONE),
    ),
    outputs: [{ shape: [1, 3], codes: [1, 2, 6] }],
  },
  {
    code: Op.PACK,
    input: [1, 2],
    codes: [1, 2],
    operands: [null, null],
    options: table(T.PackOptions, (b) => schema.PackOptions.createPackOptions(b, 2, 2)),
    outputs: [{ shape: [1, 2, 2], codes: [1, 1, 2, 2] }],
  },
  {
    code: Op.UNPACK,
    input: [1, 2, 2],
    codes: [1, 2, 3, 4],
    options: table(T.UnpackOptions, (b) => schema.UnpackOptions.createUnpackOptions(b, 2, 2)),
    outputs: [
      { shape: [1, 2], codes: [1, 3] },
      { shape: [1, 2], codes: [2, 4] },
    ],
  },
  {
    code: Op.SPLIT,
    input: [1, 4],
    codes: [1, 2, 3, 4],
    operands: [ints(1), null],
    outputs: [
      { shape: [1, 2], codes: [1, 2] },
      { shape: [1, 2], codes: [3, 4] },
    ],
  },
  {
    code: Op.SPLIT_V,
    input: [1, 4],
    codes: [1, 2, 3, 4],
    operands: [null, ints(1, 3), ints(-1)],
    outputs: [
      { shape: [1, 1], codes: [1] },
      { shape: [1, 3], codes: [2, 3, 4] },
    ],
  },
  {
    code: Op.SLICE,
    input: [1, 2, 3, 1],
    codes: ramp(6),
    operands: [null, ints(0, 1, 1, 0), ints(1, 1, -1, 1)],
    outputs: [{ shape: [1, 1, 2, 1], codes: [4, 5] }],
  },
  {
    code: Op.STRIDED_SLICE,
    input: [1, 1, 5, 1],
    codes: ramp(5),
    operands: [null, ints(0, 0, -1, 0), ints(0, 1, -6, 1), ints(1, 1, -2, 1)],
    options: table(T.StridedSliceOptions, (b) =>
      schema.StridedSliceOptions.createStridedSliceOptions(b, 1, 1, 0, 0, 2, false),
    ),
    outputs: [{ shape: [1, 3, 1], codes: [4, 2, 0] }],
  },
  {
    code: Op.TRANSPOSE,
    input: [1, 2, 3, 1],
    codes: ramp(6),
    operands: [null, ints(0, 2, 1, 3)],
    outputs: [{ shape: [1, 3, 2, 1], codes: [0, 3, 1, 4, 2, 5] }],
  },
  {
    code: Op.GATHER,
    input: [1, 2, 3],
    codes: ramp(6),
    operands: [null, ints(2, 0)],
    options: table(T.GatherOptions, (b) => schema.GatherOptions.createGatherOptions(b, -1, 0)),
    outputs: [{ shape: [1, 2, 2], codes: [2, 0, 5, 3] }],
  },
  {
    code: Op.RESIZE_NEAREST_NEIGHBOR,
    input: [1, 1, 2, 1],
    codes: [5, 9],
    operands: [null, ints(1, 4)],
    options: table(T.ResizeNearestNeighborOptions, (b) =>
      schema.ResizeNearestNeighborOptions.createResizeNearestNeighborOptions(b, false, true),
    ),
    outputs: [{ shape: [1, 1, 4, 1], codes: [5, 5, 9, 9] }],
  },
  {
    code: Op.RESIZE_BILINEAR,
    input: [1, 1, 2, 1],
    codes: [0, 8],
    operands: [null, ints(1, 3)],
    options: table(T.ResizeBilinearOptions, (b) =>
      schema.ResizeBilinearOptions.createResizeBilinearOptions(b, true, false),
    ),
    outputs: [{ shape: [1, 1, 3, 1], codes: [0, 4, 8] }],
  },
  {
    code: Op.SPACE_TO_DEPTH,
    input: [1, 2, 4, 1],
    codes: ramp(8),
    options: table(T.SpaceToDepthOptions, (b) => schema.SpaceToDepthOptions.createSpaceToDepthOptions(b, 2)),
    outputs: [{ shape: [1, 1, 2, 4], codes: [0, 1, 4, 5, 2, 3, 6, 7] }],
  },
  {
    code: Op.DEPTH_TO_SPACE,
    input: [1, 1, 2, 4],
    codes: [0, 1, 4, 5, 2, 3, 6, 7],
    options: table(T.DepthToSpaceOptions, (b) => schema.DepthToSpaceOptions.createDepthToSpaceOptions(b, 2)),
    outputs: [{ shape: [1, 2, 4, 1], codes: ramp(8) }],
  },
  {
    code: Op.SUM,
    input: [1, 2, 2, 3],
    codes: ramp(12),
    operands: [null, ints(3)],
    outputs: [{ shape: [1, 2, 2], codes: [3, 12, 21, 30] }],
  },
  {
    code: Op.MEAN,
    input: [1, 2, 2, 3],
    codes: ramp(12),
    operands: [null, ints(-1)],
    outputs: [{ shape: [1, 2, 2], codes: [1, 4, 7, 10] }],
  },
  {
    code: Op.REDUCE_MAX,
    input: [1, 2, 2, 2],
    codes: ramp(8),
    operands: [null, ints(1, 2)],
    outputs: [{ shape: [1, 2], codes: [6, 7] }],
  },
  {
    code: Op.ARG_MAX,
    input: [1, 1, 2, 3],
    codes: [1, 9, 9, 4, 3, 2],
    operands: [null, ints(3)],
    type: Type.INT64,
    outputs: [{ shape: [1, 1, 2], codes: [1 - 128, 0 - 128] }],
  },
  {
    code: Op.TRANSPOSE_CONV,
    input: [1, 1, 2, 1],
    codes: [1, 2],
    operands: [ints(1, 3, 5, 1), { shape: [1, 3, 3, 1], data: Int8Array.from(ramp(9)), ...plain }, null],
    options: window,
    outputs: [{ shape: [1, 3, 5, 1], codes: [0, 1, 2, 2, 4, 3, 4, 11, 8, 10, 6, 7, 20, 14, 16] }],
  },
];

it.each(CASES.map((example) => [operatorName(example.code), example] as const))("%s", (_, example) => {
  expect(outputsOf(example)).toEqual(example.outputs.map(({ codes }) => codes));
});

it("knows every operator of the table of builtins once", () => {
  expect(new Set(OPERATORS.map(({ code }) => code)).size).toBe(OPERATORS.length);
});
