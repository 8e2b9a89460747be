// What was written, against the budget.
import { DyadicError } from "../../error.ts";
import type { IntegerGraph } from "../../graph/integer.ts";
import { planWithin } from "../../plan/index.ts";
import { arenaBound } from "../cost/arena.ts";
import type { Budget } from "./knapsack.ts";

/** A file, and the graph that it was planned from. */
export interface Written {
  readonly fileBytes: number;
  readonly peakBytes: number;
  readonly graph: IntegerGraph;
}

/**
 * Throws NO_POLICY where a model whose bits are not free takes more than a budget, with what would do; INTERNAL where one
 * that was allocated does: the drafts that the budget was spent by must have been exact.
 */
export function holdBudget(
  { fileBytes, peakBytes, graph }: Written,
  budget: Budget,
  isAllocated: boolean,
): void {
  const { flash = Infinity, ram = Infinity } = budget;
  if (fileBytes <= flash && peakBytes <= ram) return;
  if (isAllocated) {
    throw new DyadicError(
      "INTERNAL",
      "the model that was written is larger than its draft; please report this",
      {
        expected: `at most ${flash} bytes of flash and ${ram} of RAM`,
        found: `${fileBytes} and ${peakBytes}`,
      },
    );
  }
  const least = () => planWithin(graph, 0).layout.peakBytes;
  const parts = [
    ...(fileBytes > flash ? [`flash ${fileBytes} would do`] : []),
    ...(peakBytes > ram
      ? [`ram ${least()} would do (proven: no plan takes less than ${arenaBound(graph)})`]
      : []),
  ];
  throw new DyadicError("NO_POLICY", "the model does not fit the budget with the bits that it has", {
    expected: Object.entries(budget)
      .map(([name, limit]) => `${name} ${limit}`)
      .join(", "),
    found: parts.join("; "),
    hint: "--calibrate FOLDER or X.npy, so that its bits may be chosen anew; or a larger budget",
  });
}
