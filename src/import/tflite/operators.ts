import type { Adapter } from "./builder.ts";
import { dense } from "./dense.ts";
import { add, requantize, softmax } from "./pointwise.ts";
import * as schema from "./schema.generated.ts";
import { mean, pad, reshape } from "./shaping.ts";
import { averagePool, conv, depthwise, maxPool } from "./window.ts";

/** One foreign operator that Dyadic imports. All have one output. */
export interface Row {
  readonly code: number;
  /** The newest version whose meaning the adapter knows. */
  readonly version: number;
  /** How many inputs are required, and how many there may be. */
  readonly inputs: readonly [required: number, allowed: number];
  readonly adapt: Adapter;
}

const { BuiltinOperator: Op } = schema;

/** The operators that Dyadic imports: a new one is a row here and an adapter. */
export const OPERATORS: readonly Row[] = [
  { code: Op.ADD, version: 5, inputs: [2, 2], adapt: add },
  { code: Op.AVERAGE_POOL_2D, version: 3, inputs: [1, 1], adapt: averagePool },
  { code: Op.CONV_2D, version: 8, inputs: [2, 3], adapt: conv },
  { code: Op.DEPTHWISE_CONV_2D, version: 7, inputs: [2, 3], adapt: depthwise },
  { code: Op.EXPAND_DIMS, version: 1, inputs: [2, 2], adapt: reshape },
  { code: Op.FULLY_CONNECTED, version: 13, inputs: [2, 3], adapt: dense },
  { code: Op.MAX_POOL_2D, version: 3, inputs: [1, 1], adapt: maxPool },
  { code: Op.MEAN, version: 3, inputs: [2, 2], adapt: mean },
  { code: Op.PAD, version: 4, inputs: [2, 2], adapt: pad },
  { code: Op.PADV2, version: 4, inputs: [3, 3], adapt: pad },
  { code: Op.QUANTIZE, version: 3, inputs: [1, 1], adapt: requantize("none") },
  { code: Op.RELU, version: 3, inputs: [1, 1], adapt: requantize("relu") },
  { code: Op.RELU6, version: 3, inputs: [1, 1], adapt: requantize("relu6") },
  { code: Op.RELU_N1_TO_1, version: 3, inputs: [1, 1], adapt: requantize("reluN1To1") },
  { code: Op.RESHAPE, version: 2, inputs: [1, 2], adapt: reshape },
  { code: Op.SOFTMAX, version: 3, inputs: [1, 1], adapt: softmax },
  { code: Op.SQUEEZE, version: 2, inputs: [1, 1], adapt: reshape },
];

const NAMES = new Map<number, string>(Object.entries(Op).map(([name, code]) => [code, name]));

/** Control flow: Dyadic runs subgraph 0 alone. */
const CALLERS: readonly number[] = [Op.CALL, Op.CALL_ONCE, Op.IF, Op.WHILE];

/** TFLite's own name of a builtin operator. */
export function operatorName(code: number): string {
  const name = NAMES.get(code) ?? `builtin operator ${code}`;
  return CALLERS.includes(code) ? `${name} (calls another subgraph)` : name;
}
