import {
  ADD_IN_B,
  ADD_MAX,
  ADD_MIN,
  ADD_MULTIPLIER_A,
  ADD_MULTIPLIER_B,
  ADD_SHIFT,
  ADD_STEP_BYTES,
  CONTRACT_A8,
  OP_ADD,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { toSmallDyadic } from "../numerics/dyadic.ts";
import { requantizeSum } from "../numerics/requantize.ts";
import { type Activation, activate, activationCodes } from "./activation.ts";
import { affineOf } from "./convolution.ts";
import type { Op } from "./op.ts";
import { elementScratch } from "./packed.ts";

interface AddParameters {
  readonly multiplierA: number;
  readonly multiplierB: number;
  readonly shift: number;
  readonly min: number;
  readonly max: number;
}

/** Sum of two activations of one shape; each branch keeps its own scale, equation (6). */
export const add: Op<{ readonly activation: Activation }, AddParameters> = {
  name: "add",
  opcode: OP_ADD,
  contract: CONTRACT_A8,
  kernels: ["add_a8"],
  stepBytes: ADD_STEP_BYTES,
  activations: 2,
  inPlace: [0, 1],

  shape([a, b]) {
    if (a!.join() !== b!.join()) {
      throw new DyadicError("BAD_FILE", "the two inputs have different shapes", {
        found: `[${a}] and [${b}]`,
        hint: "broadcasting is not supported yet",
      });
    }
    return a!;
  },

  float: ([a, b], { activation }) => ({
    shape: a!.shape,
    data: a!.data.map((value, i) => activate(value + b!.data[i]!, activation)),
  }),

  lower({ node, inputs, output }) {
    const a = affineOf(inputs[0]!, "the first input");
    const b = affineOf(inputs[1]!, "the second input");
    const to = affineOf(output, "the output");
    const { multiplier, shift } = toSmallDyadic([a.scale / to.scale, b.scale / to.scale]);
    const [min, max] = activationCodes(node.attributes.activation, to.scale, to.zeroPoint, to.bits);
    return { multiplierA: multiplier[0]!, multiplierB: multiplier[1]!, shift, min, max };
  },

  integer([a, b], { multiplierA, multiplierB, shift, min, max }, { inputs, output }) {
    const [zeroA, zeroB] = [inputs[0]!.zeroPoint, inputs[1]!.zeroPoint];
    return a!.map((code, i) => {
      const sum = (code - zeroA) * multiplierA + (b![i]! - zeroB) * multiplierB;
      return requantizeSum(sum, shift, output.zeroPoint, min, max);
    });
  },

  packed: true,
  scratchBytes: (_, shapes) => elementScratch(shapes),
  cost: () => ({ macs: 0, weightBytes: 0 }),

  encode(parameters, step) {
    step.set(ADD_IN_B, step.inputs[1]!);
    step.set(ADD_MULTIPLIER_A, parameters.multiplierA);
    step.set(ADD_MULTIPLIER_B, parameters.multiplierB);
    step.set(ADD_SHIFT, parameters.shift);
    step.set(ADD_MIN, parameters.min);
    step.set(ADD_MAX, parameters.max);
  },
};
