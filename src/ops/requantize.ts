import {
  CONTRACT_A8,
  OP_REQUANTIZE,
  REQUANTIZE_MAX,
  REQUANTIZE_MIN,
  REQUANTIZE_MULTIPLIER,
  REQUANTIZE_SHIFT,
  REQUANTIZE_STEP_BYTES,
} from "../../assembly/abi.ts";
import { bitsOf } from "../graph/integer.ts";
import { toSumDyadic } from "../numerics/dyadic.ts";
import { codesOf } from "../numerics/pack.ts";
import { requantizeSum } from "../numerics/requantize.ts";
import { type Activation, activate, activationCodes } from "./activation.ts";
import { affineOf } from "./affine.ts";
import { type Op, SAME_ROW } from "./op.ts";
import { elementScratch } from "./packed.ts";

interface RequantizeParameters {
  readonly multiplier: number;
  readonly shift: number;
  readonly min: number;
  readonly max: number;
}

/** The same reals under another scale and zero point, clamped by a stand-alone activation: equation (6), one branch. */
export const requantize: Op<{ readonly activation: Activation }, RequantizeParameters> = {
  name: "requantize",
  opcode: OP_REQUANTIZE,
  contract: CONTRACT_A8,
  kernels: ["pointwise_a8"],
  stepBytes: REQUANTIZE_STEP_BYTES,
  activations: 1,
  rowWindow: () => SAME_ROW,
  inPlace: [0],

  shape: ([x]) => x!,

  float: ([x], { activation }) => ({
    shape: x!.shape,
    data: x!.data.map((value) => activate(value, activation)),
  }),

  gradient: (gradient) => [gradient],

  lower({ node, inputs, output }) {
    const from = affineOf(inputs[0]!, "the input");
    const to = affineOf(output, "the output");
    const { multiplier, shift } = toSumDyadic([from.scale / to.scale], [from.bits, to.bits]);
    const [min, max] = activationCodes(node.attributes.activation, to.scale, to.zeroPoint, to.bits);
    return { multiplier: multiplier[0]!, shift, min, max };
  },

  integer([x], { multiplier, shift, min, max }, { inputs, output }) {
    const zero = inputs[0]!.zeroPoint;
    const codes = codesOf(x!.length, bitsOf(output));
    x!.forEach((code, i) => {
      codes[i] = requantizeSum((code - zero) * multiplier, shift, output.zeroPoint, min, max);
    });
    return codes;
  },

  packed: true,
  wide: "everywhere",
  scratchBytes: (_, shapes) => elementScratch(shapes),
  cost: () => ({ macs: 0, weightBytes: 0 }),

  encode(parameters, step) {
    step.set(REQUANTIZE_MULTIPLIER, parameters.multiplier);
    step.set(REQUANTIZE_SHIFT, parameters.shift);
    step.set(REQUANTIZE_MIN, parameters.min);
    step.set(REQUANTIZE_MAX, parameters.max);
  },
};
