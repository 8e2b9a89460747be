import { DyadicError } from "../error.ts";
import { add } from "./add.ts";
import { averagePool } from "./average-pool.ts";
import { batchNormalization } from "./batch-normalization.ts";
import { conv } from "./conv.ts";
import { dense } from "./dense.ts";
import { depthwise } from "./depthwise.ts";
import { maxPool } from "./max-pool.ts";
import { mean } from "./mean.ts";
import type { Op } from "./op.ts";
import { pad } from "./pad.ts";
import { requantize } from "./requantize.ts";
import { reshape } from "./reshape.ts";
import { softmax } from "./softmax.ts";

/** Every op of the engine, each declared once in its own file. */
export const OPS = [
  conv,
  depthwise,
  dense,
  add,
  averagePool,
  maxPool,
  mean,
  softmax,
  pad,
  reshape,
  requantize,
] as unknown as readonly Op[];

/** Ops that float graphs alone have: passes fold them, and `lower` refuses what is left. */
export const FLOAT_OPS = [batchNormalization] as unknown as readonly Op[];

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

export type { Cost, Halo, Op, OpShapes, StepEncoder } from "./op.ts";
export { NO_HALO } from "./op.ts";
