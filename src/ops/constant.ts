import { CONSTANT_AT, CONSTANT_STEP_BYTES, CONTRACT_A8, OP_CONSTANT } from "../../assembly/abi.ts";
import type { Op } from "./op.ts";

/** Codes of a constant that takes part as an activation, and the shape they have there. */
export interface ConstantAttributes {
  readonly shape: readonly number[];
  readonly codes: Int8Array;
  readonly scale: number;
  readonly zeroPoint: number;
}

/** A constant as an activation: written into the arena by a step of its own. */
export const constant: Op<ConstantAttributes, { readonly codes: Int8Array }> = {
  name: "constant",
  opcode: OP_CONSTANT,
  contract: CONTRACT_A8,
  kernels: ["constant_a8"],
  stepBytes: CONSTANT_STEP_BYTES,
  activations: 0,
  inPlace: [],
  shape: (_, { shape }) => shape,
  float: (_, { shape, codes, scale, zeroPoint }) => ({
    shape,
    data: Float32Array.from(codes, (code) => scale * (code - zeroPoint)),
  }),
  lower: ({ node }) => ({ codes: node.attributes.codes }),
  integer: (_, { codes }) => codes,
  cost: (_, { output }) => ({ macs: 0, weightBytes: output.shape[0] * output.shape[1] * output.shape[2] }),
  encode: ({ codes }, step) => step.set(CONSTANT_AT, step.constant(codes)),
};
