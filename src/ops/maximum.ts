import { OP_MAXIMUM } from "../../assembly/abi.ts";
import { linear } from "./binary.ts";

/** The larger of two reals, with broadcasting. */
export const maximum = linear("maximum", OP_MAXIMUM, Math.max);
