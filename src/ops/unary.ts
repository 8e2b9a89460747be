import { CONTRACT_A8, LOOKUP_STEP_BYTES, LOOKUP_TABLE_AT, OP_LOOKUP } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { dequantizeValue, quantizeValue } from "../numerics/affine.ts";
import { exponential } from "../numerics/exponential.ts";
import { errorFunction, power, roundHalfEven, sigmoid, softplus, tanh } from "../numerics/functions.ts";
import { logarithm } from "../numerics/logarithm.ts";
import { activationRange } from "../numerics/pack.ts";
import { clamp } from "../numerics/requantize.ts";
import { affineOf } from "./affine.ts";
import { slopeOf } from "./gradient.ts";
import { type Op, SAME_ROW } from "./op.ts";
import { elementScratch } from "./packed.ts";

const ROOT_TWO_OVER_PI = 0.7978845608028654;

/** The functions by name; alpha and beta are what the function's definition calls them. */
const FUNCTIONS = {
  sigmoid,
  tanh,
  hardSigmoid: (x, alpha, beta) => clamp(alpha * x + beta, 0, 1),
  hardSwish: (x) => (x * clamp(x + 3, 0, 6)) / 6,
  silu: (x) => x * sigmoid(x),
  gelu: (x) => 0.5 * x * (1 + errorFunction(x * Math.SQRT1_2)),
  geluTanh: (x) => 0.5 * x * (1 + tanh(ROOT_TWO_OVER_PI * (x + 0.044715 * x * x * x))),
  elu: (x, alpha) => (x >= 0 ? x : alpha * (exponential(x) - 1)),
  leakyRelu: (x, alpha) => (x >= 0 ? x : alpha * x),
  clip: (x, low, high) => clamp(x, low, high),
  erf: errorFunction,
  exp: (x) => (x <= 0 ? exponential(x) : 1 / exponential(-x)),
  sqrt: (x) => Math.sqrt(Math.max(0, x)),
  rsqrt: (x) => 1 / Math.sqrt(Math.max(0, x)),
  square: (x) => x * x,
  abs: Math.abs,
  neg: (x) => -x,
  log: (x) => (x > 0 ? logarithm(x) : -Infinity),
  reciprocal: (x) => 1 / x,
  power,
  floor: Math.floor,
  ceil: Math.ceil,
  round: roundHalfEven,
  sign: Math.sign,
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  mish: (x) => x * tanh(softplus(x)),
  celu: (x, alpha) => (x >= 0 ? x : alpha * (exponential(x / alpha) - 1)),
  selu: (x, alpha, gamma) => gamma * (x >= 0 ? x : alpha * (exponential(x) - 1)),
  swish: (x, alpha) => x * sigmoid(alpha * x),
  thresholdedRelu: (x, alpha) => (x > alpha ? x : 0),
} satisfies Record<string, (x: number, alpha: number, beta: number) => number>;

export type UnaryFunction = keyof typeof FUNCTIONS;
export const UNARY_FUNCTIONS = Object.keys(FUNCTIONS) as readonly UnaryFunction[];

interface UnaryAttributes {
  readonly function: UnaryFunction;
  readonly alpha?: number;
  readonly beta?: number;
}

function realFunction({ function: name, alpha = 1, beta = 0 }: UnaryAttributes): (x: number) => number {
  if (!Object.hasOwn(FUNCTIONS, name)) {
    throw new DyadicError("UNSUPPORTED_OP", `there is no function "${name}"`, {
      expected: Object.keys(FUNCTIONS).join(", "),
    });
  }
  return (x) => FUNCTIONS[name](x, alpha, beta);
}

/** A function of one real as a table of 256 codes, made here: exact rounding, whatever the function. */
export const unary: Op<UnaryAttributes, { readonly table: Int8Array }> = {
  name: "unary",
  opcode: OP_LOOKUP,
  contract: CONTRACT_A8,
  kernels: ["lookup_a8"],
  stepBytes: LOOKUP_STEP_BYTES,
  activations: 1,
  rowWindow: () => SAME_ROW,
  inPlace: [0],

  shape: ([x]) => x!,
  float: ([x], attributes) => ({ shape: x!.shape, data: x!.data.map(realFunction(attributes)) }),

  gradient(gradient, [x], _, attributes) {
    const real = realFunction(attributes);
    return [gradient.map((value, i) => value * slopeOf(real, x!.data[i]!))];
  },

  lower({ node, inputs, output }) {
    const from = affineOf(inputs[0]!, "the input");
    const to = affineOf(output, "the output");
    const real = realFunction(node.attributes);
    const table = Int8Array.from({ length: 256 }, (_, i) => {
      const y = real(dequantizeValue(i - 128, from.scale, from.zeroPoint));
      return quantizeValue(y, to.scale, to.zeroPoint, ...activationRange(to.bits));
    });
    return { table };
  },

  integer: ([x]: readonly Int8Array[], { table }) => x!.map((code) => table[code + 128]!),
  packed: true,
  scratchBytes: (_, shapes) => elementScratch(shapes),
  cost: () => ({ macs: 0, weightBytes: 256 }),
  encode: ({ table }, step) => step.set(LOOKUP_TABLE_AT, step.constant(table)),
};
