// What the ops on two tensors share: broadcasting, the step record, the walk over codes.
import {
  BINARY_MAX,
  BINARY_MIN,
  BINARY_MULTIPLIER_A,
  BINARY_MULTIPLIER_B,
  BINARY_SHIFT,
  BINARY_STEP_BYTES,
  CONTRACT_A8,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf } from "../graph/integer.ts";
import { toSumDyadic } from "../numerics/dyadic.ts";
import { type Codes, codesOf } from "../numerics/pack.ts";
import { requantizeSum } from "../numerics/requantize.ts";
import { type Activation, activate, activationCodes } from "./activation.ts";
import { affineOf } from "./affine.ts";
import { slopeOf } from "./gradient.ts";
import { type Lowering, type Op, SAME_ROW, type StepEncoder } from "./op.ts";
import { elementScratch } from "./packed.ts";

export interface BinaryAttributes {
  /** "none" when absent. */
  readonly activation?: Activation;
}

export interface BinaryParameters {
  readonly multiplierA: number;
  readonly multiplierB: number;
  readonly shift: number;
  readonly min: number;
  readonly max: number;
}

/** One code of the output from two codes less their zero points. */
type Combine = (a: number, b: number, parameters: BinaryParameters, zeroPoint: number) => number;

/** Shapes aligned at the right; extents of 1 stretch. Throws BAD_FILE where others differ. */
export function broadcastShape(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  const [left, right] = [a, b].map((shape) => [...Array(rank - shape.length).fill(1), ...shape]);
  return left!.map((size: number, axis) => {
    const other: number = right![axis]!;
    if (size === other || size === 1 || other === 1) return Math.max(size, other);
    throw new DyadicError("BAD_FILE", "the two inputs have shapes that do not fit together", {
      expected: "equal extents, or 1",
      found: `[${a}] and [${b}]`,
    });
  });
}

/** For every element of `shape`, the index in an operand of shape `from`. */
function indices(from: readonly number[], shape: readonly number[]): Int32Array {
  let table = Int32Array.of(0);
  let pitch = from.reduce((a, b) => a * b, 1);
  shape.forEach((size, axis) => {
    const own = from[axis - (shape.length - from.length)] ?? 1;
    pitch /= own;
    const step = own === 1 ? 0 : pitch;
    table = Int32Array.from({ length: table.length * size }, (_, i) => {
      return table[Math.floor(i / size)]! + (i % size) * step;
    });
  });
  return table;
}

/** Combines two arrays element by element, repeating what has extent 1. */
export function combine<T extends Codes | Float32Array>(
  [a, b]: readonly { readonly data: T; readonly shape: readonly number[] }[],
  shape: readonly number[],
  output: T,
  function_: (a: number, b: number) => number,
): T {
  const [left, right] = [indices(a!.shape, shape), indices(b!.shape, shape)];
  for (let i = 0; i < output.length; i++) output[i] = function_(a!.data[left[i]!]!, b!.data[right[i]!]!);
  return output;
}

/** The declaration that all ops on two tensors share. */
export function binary(
  name: string,
  opcode: number,
  real: (a: number, b: number) => number,
  lower: (lowering: Lowering<BinaryAttributes>) => BinaryParameters,
  code: Combine,
): Op<BinaryAttributes, BinaryParameters> {
  return {
    name,
    opcode,
    contract: CONTRACT_A8,
    kernels: ["pointwise_a8"],
    stepBytes: BINARY_STEP_BYTES,
    activations: 2,
    rowWindow: () => SAME_ROW,
    inPlace: [0, 1],
    shape: ([a, b]) => broadcastShape(a!, b!),
    float([a, b], { activation = "none" }) {
      const shape = broadcastShape(a!.shape, b!.shape);
      const data = new Float32Array(shape.reduce((x, y) => x * y, 1));
      return { shape, data: combine([a!, b!], shape, data, (x, y) => activate(real(x, y), activation)) };
    },
    gradient(gradient, [a, b], { shape }) {
      const [left, right] = [indices(a!.shape, shape), indices(b!.shape, shape)];
      const sums = [a!, b!].map(({ data }) => new Float64Array(data.length));
      gradient.forEach((value, i) => {
        const [x, y] = [a!.data[left[i]!]!, b!.data[right[i]!]!];
        sums[0]![left[i]!]! += value * slopeOf((at) => real(at, y), x);
        sums[1]![right[i]!]! += value * slopeOf((at) => real(x, at), y);
      });
      return sums.map((sum) => Float32Array.from(sum));
    },
    lower,
    integer(codes, parameters, { inputs, output }) {
      const [a, b] = inputs.map(({ shape }, i) => ({ shape, data: codes[i]! }));
      const [zeroA, zeroB] = [inputs[0]!.zeroPoint, inputs[1]!.zeroPoint];
      const [height, width, channels] = output.shape;
      const room = codesOf(height * width * channels, bitsOf(output));
      return combine<Codes>([a!, b!], output.shape, room, (x, y) =>
        code(x - zeroA, y - zeroB, parameters, output.zeroPoint),
      );
    },
    packed: true,
    scratchBytes: (_, shapes) => elementScratch(shapes),
    cost: () => ({ macs: 0, weightBytes: 0 }),
    encode: encodeBinary,
  };
}

function encodeBinary(parameters: BinaryParameters, step: StepEncoder): void {
  step.set(BINARY_MULTIPLIER_A, parameters.multiplierA);
  step.set(BINARY_MULTIPLIER_B, parameters.multiplierB);
  step.set(BINARY_SHIFT, parameters.shift);
  step.set(BINARY_MIN, parameters.min);
  step.set(BINARY_MAX, parameters.max);
}

/** Operands and output as affine tensors, and the clamp that the activation is. */
export function operands({ node, inputs, output }: Lowering<BinaryAttributes>) {
  const a = affineOf(inputs[0]!, "the first input");
  const b = affineOf(inputs[1]!, "the second input");
  const to = affineOf(output, "the output");
  const [min, max] = activationCodes(node.attributes.activation ?? "none", to.scale, to.zeroPoint, to.bits);
  return { a, b, to, min, max };
}

/** An op on two reals under their own scales, equation (6): sum, difference, minimum, maximum. `sign` goes with b. */
export function linear(
  name: string,
  opcode: number,
  real: (a: number, b: number) => number,
  sign: 1 | -1 = 1,
): Op<BinaryAttributes, BinaryParameters> {
  const lower = (lowering: Lowering<BinaryAttributes>) => {
    const { a, b, to, min, max } = operands(lowering);
    const scales = [a.scale / to.scale, b.scale / to.scale];
    const { multiplier, shift } = toSumDyadic(scales, [a.bits, b.bits, to.bits]);
    return { multiplierA: multiplier[0]!, multiplierB: sign * multiplier[1]!, shift, min, max };
  };
  const join = sign === 1 ? real : (a: number, b: number) => a + b;
  return binary(name, opcode, real, lower, (a, b, p, zeroPoint) =>
    requantizeSum(join(a * p.multiplierA, b * p.multiplierB), p.shift, zeroPoint, p.min, p.max),
  );
}
