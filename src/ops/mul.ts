import { OP_MUL } from "../../assembly/abi.ts";
import { toDyadic } from "../numerics/dyadic.ts";
import { requantize } from "../numerics/requantize.ts";
import { binary, operands } from "./binary.ts";

/** Product, with broadcasting; equation (4) on the product of the codes. */
export const mul = binary(
  "mul",
  OP_MUL,
  (a, b) => a * b,
  (lowering) => {
    const { a, b, to, min, max } = operands(lowering);
    const { multiplier, shift } = toDyadic([(a.scale * b.scale) / to.scale], [255 * 255]);
    return { multiplierA: multiplier[0]!, multiplierB: 0, shift, min, max };
  },
  (a, b, p, zeroPoint) => requantize(a * b, p.multiplierA, p.shift, zeroPoint, p.min, p.max),
);
