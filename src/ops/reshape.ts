import { CONTRACT_A8, OP_RESHAPE, RESHAPE_STEP_BYTES } from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { elements } from "../graph/graph.ts";
import { affineOf } from "./affine.ts";
import type { Op } from "./op.ts";

/** The same elements in the same order under another shape; `shape` has no -1 left. */
export const reshape: Op<{ readonly shape: readonly number[] }, Record<string, never>> = {
  name: "reshape",
  opcode: OP_RESHAPE,
  contract: CONTRACT_A8,
  kernels: ["reshape_a8"],
  stepBytes: RESHAPE_STEP_BYTES,
  activations: 1,
  inPlace: [0],
  keepsScale: true,

  shape([x], { shape }) {
    if (elements(x!) !== elements(shape)) {
      throw new DyadicError("BAD_FILE", "reshape changes the number of elements", {
        found: `[${x}] to [${shape}]`,
      });
    }
    return shape;
  },

  float: ([x], { shape }) => ({ shape, data: x!.data }),
  gradient: (gradient) => [gradient],
  lower({ inputs, output }) {
    const from = affineOf(inputs[0]!, "the input");
    const to = affineOf(output, "the output");
    if (from.scale !== to.scale || from.zeroPoint !== to.zeroPoint || from.bits !== to.bits) {
      throw new DyadicError("UNSUPPORTED_OP", "reshape changes the scale", {
        expected: "one scale and zero point for input and output",
      });
    }
    const tails = [inputs[0]!, output].some(({ shape }) => ((shape.at(-1) ?? 1) * to.bits) % 8 !== 0);
    if (to.bits < 8 && tails) {
      throw new DyadicError(
        "UNSUPPORTED_OP",
        `reshape would move codes of ${to.bits} bits within their bytes`,
        {
          expected: "channels that fill whole bytes on both sides",
          hint: "give this tensor 8 bits",
        },
      );
    }
    return {};
  },
  integer: ([x]) => x!.slice(),
  packed: true,
  wide: "everywhere",
  cost: () => ({ macs: 0, weightBytes: 0 }),
  encode: () => {},
};
