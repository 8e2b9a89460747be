import { OP_MINIMUM } from "../../assembly/abi.ts";
import { linear } from "./binary.ts";

/** The smaller of two reals, with broadcasting. */
export const minimum = linear("minimum", OP_MINIMUM, Math.min);
