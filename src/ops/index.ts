import { DyadicError } from "../error.ts";
import { add } from "./add.ts";
import { argMax } from "./arg-max.ts";
import { averagePool } from "./average-pool.ts";
import { batchNormalization } from "./batch-normalization.ts";
import { concat } from "./concat.ts";
import { constant } from "./constant.ts";
import { conv } from "./conv.ts";
import { dense } from "./dense.ts";
import { depthwise } from "./depthwise.ts";
import { fakeQuantize } from "./fake-quantize.ts";
import { gather } from "./gather.ts";
import { l2Normalization } from "./l2-normalization.ts";
import { lstm } from "./lstm.ts";
import { matMul } from "./mat-mul.ts";
import { maxPool } from "./max-pool.ts";
import { maximum } from "./maximum.ts";
import { mean } from "./mean.ts";
import { minimum } from "./minimum.ts";
import { mul } from "./mul.ts";
import type { Op } from "./op.ts";
import { pad } from "./pad.ts";
import { prelu } from "./prelu.ts";
import { push } from "./push.ts";
import { depthToSpace, spaceToDepth } from "./rearrange.ts";
import { requantize } from "./requantize.ts";
import { reshape } from "./reshape.ts";
import { resize } from "./resize.ts";
import { slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { sub } from "./sub.ts";
import { sum } from "./sum.ts";
import { transpose } from "./transpose.ts";
import { unary } from "./unary.ts";

/** Every op of the engine, each declared once in its own file. */
export const OPS = [
  constant,
  conv,
  depthwise,
  dense,
  add,
  sub,
  mul,
  minimum,
  maximum,
  prelu,
  unary,
  averagePool,
  maxPool,
  mean,
  sum,
  argMax,
  l2Normalization,
  softmax,
  concat,
  slice,
  transpose,
  gather,
  resize,
  spaceToDepth,
  depthToSpace,
  pad,
  reshape,
  requantize,
  push,
  lstm,
  matMul,
] as unknown as readonly Op[];

/** Ops that float graphs alone have: passes fold the first, reconstruction makes the second; `lower` refuses both. */
export const FLOAT_OPS = [batchNormalization, fakeQuantize] as unknown as readonly Op[];

const BY_NAME = new Map([...OPS, ...FLOAT_OPS].map((op) => [op.name, op]));

/** The definition of an op; throws UNSUPPORTED_OP with what there is. */
export function opNamed(name: string): Op {
  const op = BY_NAME.get(name);
  if (op === undefined) {
    throw new DyadicError("UNSUPPORTED_OP", `there is no op "${name}"`, {
      expected: [...BY_NAME.keys()].join(", "),
    });
  }
  return op;
}

export type { Cost, FloatValue, Halo, Op, OpShapes, RowWindow, StepEncoder } from "./op.ts";
export { NO_HALO, SAME_ROW } from "./op.ts";
