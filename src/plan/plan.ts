import type { IntegerGraph } from "../graph/integer.ts";
import { arrange } from "./arrange.ts";
import type { Layout } from "./layout.ts";

/** The plan with the smallest arena in which every node runs by itself. Throws OUT_OF_MEMORY from 2 GiB on. */
export function plan(graph: IntegerGraph): Layout {
  return arrange(graph);
}
