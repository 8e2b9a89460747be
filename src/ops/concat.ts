import {
  CONCAT_AXIS,
  CONCAT_INPUT_BYTES,
  CONCAT_MULTIPLIERS,
  CONCAT_SHIFT,
  CONCAT_STEP_BYTES,
  CONTRACT_A8,
  OP_CONCAT,
  STEP_OUT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf } from "../graph/integer.ts";
import { toSumDyadic } from "../numerics/dyadic.ts";
import { activationRange, type Codes, codesOf } from "../numerics/pack.ts";
import { requantizeSum } from "../numerics/requantize.ts";
import { affineOf } from "./affine.ts";
import { movedBack } from "./gradient.ts";
import type { Op } from "./op.ts";

interface ConcatAttributes {
  /** Dimension of the inputs that adds up. */
  readonly axis: number;
}

interface ConcatParameters {
  /** Of the canonical shape: 0 height, 1 width, 2 channels. */
  readonly axis: number;
  readonly multipliers: readonly number[];
  readonly shift: number;
}

/** Lays the inputs one behind the other; `sizes` are their extents along the axis in runs of `inner` elements. */
function join<T extends Codes | Float32Array>(
  inputs: readonly T[],
  sizes: readonly number[],
  inner: number,
  output: T,
): T {
  const total = sizes.reduce((a, b) => a + b, 0) * inner;
  let offset = 0;
  inputs.forEach((data, i) => {
    const run = sizes[i]! * inner;
    for (let outer = 0; outer * run < data.length; outer++) {
      output.set(data.subarray(outer * run, (outer + 1) * run), outer * total + offset);
    }
    offset += run;
  });
  return output;
}

function volume(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Joins any number of inputs along one dimension; each keeps its own scale, equation (6) with one branch. */
export const concat: Op<ConcatAttributes, ConcatParameters> = {
  name: "concat",
  opcode: OP_CONCAT,
  contract: CONTRACT_A8,
  kernels: ["concat_a8"],
  stepBytes: CONCAT_STEP_BYTES,
  inputBytes: CONCAT_INPUT_BYTES,
  activations: Infinity,
  packed: true,
  wide: "everywhere",
  inPlace: [],

  shape(inputs, { axis }) {
    const first = inputs[0] ?? [];
    const others = (shape: readonly number[]) => shape.map((size, i) => (i === axis ? 0 : size)).join();
    const fits = inputs.every((shape) => shape.length > axis && others(shape) === others(first));
    if (inputs.length === 0 || axis < 0 || !fits) {
      throw new DyadicError("BAD_FILE", "the inputs do not fit together", {
        expected: `equal shapes but for dimension ${axis}`,
        found: inputs.map((shape) => `[${shape}]`).join(", "),
      });
    }
    const total = inputs.reduce((sum, shape) => sum + shape[axis]!, 0);
    return first.map((size, i) => (i === axis ? total : size));
  },

  float(inputs, attributes) {
    const shapes = inputs.map((input) => input!.shape);
    const shape = this.shape(shapes, attributes);
    const sizes = shapes.map((own) => own[attributes.axis]!);
    const inner = volume(shape.slice(attributes.axis + 1));
    const arrays = inputs.map((input) => input!.data);
    return { shape, data: join(arrays, sizes, inner, new Float32Array(volume(shape))) };
  },
  gradient(gradient, inputs, _, attributes) {
    const present = inputs.filter((input) => input !== undefined);
    return movedBack(gradient, present, (numbers) => this.float(numbers, attributes));
  },

  lower({ node, inputs, output }) {
    const axis = node.attributes.axis + 3 - output.shape.length;
    if (axis < 0) throw new DyadicError("UNSUPPORTED_OP", "concat along the batch is not supported");
    const to = affineOf(output, "the output");
    const from = inputs.map((input) => affineOf(input!, "the input"));
    const scales = from.map(({ scale }) => scale / to.scale);
    const { multiplier, shift } = toSumDyadic(scales, [to.bits, ...from.map(({ bits }) => bits)]);
    return { axis, multipliers: [...multiplier], shift };
  },

  integer(codes, { axis, multipliers, shift }, { inputs, output }) {
    const bits = bitsOf(output);
    const arrays = codes.map((own, i) => {
      const { zeroPoint } = inputs[i]!;
      const room = codesOf(own.length, bits);
      own.forEach((code, k) => {
        const sum = (code - zeroPoint) * multipliers[i]!;
        room[k] = requantizeSum(sum, shift, output.zeroPoint, ...activationRange(bits));
      });
      return room;
    });
    const sizes = inputs.map(({ shape }) => shape[axis]!);
    return join(arrays, sizes, volume(output.shape.slice(axis + 1)), codesOf(volume(output.shape), bits));
  },

  cost: () => ({ macs: 0, weightBytes: 0 }),

  encode({ axis, multipliers, shift }, step) {
    const at = STEP_OUT + 4 * step.inputs.length;
    step.set(at + CONCAT_AXIS, axis);
    step.set(at + CONCAT_SHIFT, shift);
    multipliers.forEach((multiplier, i) => {
      step.set(at + CONCAT_MULTIPLIERS + 4 * i, multiplier);
    });
  },
};
