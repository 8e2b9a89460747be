import { OP_ADD } from "../../assembly/abi.ts";
import { linear } from "./binary.ts";

/** Sum, with broadcasting; each branch keeps its own scale, equation (6). */
export const add = { ...linear("add", OP_ADD, (a, b) => a + b), wide: "everywhere" } as const;
