import {
  CONTRACT_A8,
  MAT_MUL_MAX,
  MAT_MUL_MIN,
  MAT_MUL_MULTIPLIER,
  MAT_MUL_SHIFT,
  MAT_MUL_STEP_BYTES,
  MAT_MUL_TRANSPOSED_A,
  MAT_MUL_TRANSPOSED_B,
  OP_MAT_MUL,
  ROW_ALIGNMENT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { elements } from "../graph/graph.ts";
import { toDyadic } from "../numerics/dyadic.ts";
import { requantize } from "../numerics/requantize.ts";
import { type Activation, activate, activationCodes } from "./activation.ts";
import { affineOf } from "./affine.ts";
import { roundUp } from "./convolution.ts";
import type { Op } from "./op.ts";

interface MatMulAttributes {
  /** Whether rows and columns of an operand trade places; false when absent. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** "none" when absent. */
  readonly activation?: Activation;
}

interface MatMulParameters {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly multiplier: number;
  readonly shift: number;
  readonly min: number;
  readonly max: number;
}

/** Rows and columns of a matrix as the product sees it. */
function matrix(shape: readonly number[], transposed: boolean | undefined): [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transposed ? [columns, rows] : [rows, columns];
}

function productShape(a: readonly number[], b: readonly number[], attributes: MatMulAttributes): number[] {
  const [rows, depth] = matrix(a, attributes.transposeA);
  const [other, columns] = matrix(b, attributes.transposeB);
  const [outerA, outerB] = [a.slice(0, -2), b.slice(0, -2)];
  const fits = a.length >= 2 && a.length === b.length && depth === other;
  if (fits && outerA.every((size, i) => size === outerB[i] || size === 1 || outerB[i] === 1)) {
    return [...outerA.map((size, i) => Math.max(size, outerB[i]!)), rows, columns];
  }
  throw new DyadicError("BAD_FILE", "the two matrices do not fit together", {
    expected: "[..., m, k] and [..., k, n], the dimensions in front equal or 1",
    found: `[${a}]${attributes.transposeA ? " transposed" : ""} and [${b}]${attributes.transposeB ? " transposed" : ""}`,
  });
}

/** Calls `visit` with every element of the output and every pair of elements that it is a sum of products of. */
function visitProducts(
  [a, b]: readonly (readonly number[])[],
  shape: readonly number[],
  attributes: MatMulAttributes,
  visit: (at: number, fromA: number, fromB: number) => void,
): void {
  const [rows, columns] = shape.slice(-2) as [number, number];
  const depth = matrix(a!, attributes.transposeA)[1];
  const [matricesA, matricesB] = [a!, b!].map((operand) => elements(operand.slice(0, -2)));
  const [down, across] = attributes.transposeA ? [1, rows] : [depth, 1];
  const [below, beside] = attributes.transposeB ? [1, depth] : [columns, 1];
  for (let at = 0; at < elements(shape); at++) {
    const [column, row] = [at % columns, Math.floor(at / columns) % rows];
    const index = Math.floor(at / columns / rows);
    const fromA = (matricesA === 1 ? 0 : index) * rows * depth + row * down;
    const fromB = (matricesB === 1 ? 0 : index) * depth * columns + column * beside;
    for (let k = 0; k < depth; k++) visit(at, fromA + k * across, fromB + k * below);
  }
}

/** Sums of products of operands less their zero points, in the order of the output. */
function products<T extends Int8Array | Float32Array>(
  operands: readonly { readonly data: T; readonly shape: readonly number[]; readonly zero: number }[],
  shape: readonly number[],
  attributes: MatMulAttributes,
): Float64Array {
  const [a, b] = operands as [(typeof operands)[0], (typeof operands)[0]];
  const sums = new Float64Array(elements(shape));
  visitProducts([a.shape, b.shape], shape, attributes, (at, fromA, fromB) => {
    sums[at]! += (a.data[fromA]! - a.zero) * (b.data[fromB]! - b.zero);
  });
  return sums;
}

/** Product of two activations, matrix by matrix; a single matrix meets all of the other operand. Equation (4). */
export const matMul: Op<MatMulAttributes, MatMulParameters> = {
  name: "matMul",
  opcode: OP_MAT_MUL,
  contract: CONTRACT_A8,
  kernels: ["mat_mul_a8"],
  stepBytes: MAT_MUL_STEP_BYTES,
  activations: 2,
  inPlace: [],

  shape: ([a, b], attributes) => productShape(a!, b!, attributes),

  float([a, b], attributes) {
    const shape = productShape(a!.shape, b!.shape, attributes);
    const operands = [a!, b!].map((operand) => ({ ...operand, zero: 0 }));
    const sums = products(operands, shape, attributes);
    return { shape, data: Float32Array.from(sums, (sum) => activate(sum, attributes.activation ?? "none")) };
  },

  gradient(gradient, [a, b], { shape }, attributes) {
    const [inA, inB] = [a!, b!].map(({ data }) => new Float64Array(data.length));
    visitProducts([a!.shape, b!.shape], shape, attributes, (at, fromA, fromB) => {
      inA![fromA]! += gradient[at]! * b!.data[fromB]!;
      inB![fromB]! += gradient[at]! * a!.data[fromA]!;
    });
    return [Float32Array.from(inA!), Float32Array.from(inB!)];
  },

  lower({ node, inputs, output }) {
    const [a, b] = [affineOf(inputs[0]!, "the first matrix"), affineOf(inputs[1]!, "the second matrix")];
    const to = affineOf(output, "the output");
    const { transposeA = false, transposeB = false, activation = "none" } = node.attributes;
    const reach = ({ zeroPoint }: { zeroPoint: number }) => Math.max(127 - zeroPoint, zeroPoint + 128);
    const bound = matrix(inputs[0]!.shape, transposeA)[1] * reach(a) * reach(b);
    if (bound >= 2 ** 31) {
      throw new DyadicError("OVERFLOW", "the accumulator of the product could overflow", {
        expected: "rows whose products sum up to less than 2^31",
        found: `${bound}`,
      });
    }
    const { multiplier, shift } = toDyadic([(a.scale * b.scale) / to.scale], [bound]);
    const [min, max] = activationCodes(activation, to.scale, to.zeroPoint, to.bits);
    return { transposeA, transposeB, multiplier: multiplier[0]!, shift, min, max };
  },

  integer(codes: readonly Int8Array[], parameters, { inputs, output }) {
    const { multiplier, shift, min, max } = parameters;
    const operands = inputs.map(({ shape, zeroPoint }, i) => ({ data: codes[i]!, shape, zero: zeroPoint }));
    const sums = products(operands, output.shape, parameters);
    return Int8Array.from(sums, (sum) => requantize(sum, multiplier, shift, output.zeroPoint, min, max));
  },

  // Four sums, one row of the first operand as 16-bit numbers, all columns of the second as bytes.
  scratchBytes({ transposeA }, { inputs, output }) {
    const row = roundUp(matrix(inputs[0]!.shape, transposeA)[1], ROW_ALIGNMENT);
    return 16 + row * (2 + roundUp(output.shape[2], 4));
  },

  cost: ({ transposeA }, { inputs, output }) => ({
    macs: elements(output.shape) * matrix(inputs[0]!.shape, transposeA)[1],
    weightBytes: 0,
  }),

  encode({ transposeA, transposeB, multiplier, shift, min, max }, step) {
    step.set(MAT_MUL_TRANSPOSED_A, Number(transposeA));
    step.set(MAT_MUL_TRANSPOSED_B, Number(transposeB));
    step.set(MAT_MUL_MULTIPLIER, multiplier);
    step.set(MAT_MUL_SHIFT, shift);
    step.set(MAT_MUL_MIN, min);
    step.set(MAT_MUL_MAX, max);
  },
};
