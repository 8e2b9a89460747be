import { OP_ADD } from "../../assembly/abi.ts";
import { linear } from "./binary.ts";

/** Difference, with broadcasting: an add whose second multiplier is negative. */
export const sub = { ...linear("sub", OP_ADD, (a, b) => a - b, -1), wide: "everywhere" } as const;
