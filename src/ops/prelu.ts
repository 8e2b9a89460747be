import { OP_PRELU } from "../../assembly/abi.ts";
import { toDyadic } from "../numerics/dyadic.ts";
import { requantize } from "../numerics/requantize.ts";
import { binary, operands } from "./binary.ts";

/** x where it is positive, and x times a slope, mostly a constant per channel, where it is not. */
export const prelu = binary(
  "prelu",
  OP_PRELU,
  (x, slope) => (x >= 0 ? x : x * slope),
  (lowering) => {
    const { a, b, to, min, max } = operands(lowering);
    const scales = [a.scale / to.scale, (a.scale * b.scale) / to.scale];
    const { multiplier, shift } = toDyadic(scales, [255, 255 * 255]);
    return { multiplierA: multiplier[0]!, multiplierB: multiplier[1]!, shift, min, max };
  },
  (x, slope, p, zeroPoint) =>
    x >= 0
      ? requantize(x, p.multiplierA, p.shift, zeroPoint, p.min, p.max)
      : requantize(x * slope, p.multiplierB, p.shift, zeroPoint, p.min, p.max),
);
