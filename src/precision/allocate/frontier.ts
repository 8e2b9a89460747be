// Loss against bytes: what the next KiB of flash would buy.
import { DyadicError } from "../../error.ts";
import type { NetworkCost } from "../cost/network.ts";
import { type AllocateOptions, type Allocation, allocate } from "./allocate.ts";
import type { Budget } from "./knapsack.ts";
import { classSizes, type Space } from "./space.ts";

/** The least loss of a file of so many bytes. */
export interface FrontierPoint {
  readonly bytes: number;
  /** Peak of its arena. */
  readonly arenaBytes: number;
  readonly loss: number;
  /** What was measured, where it was. */
  readonly accuracy: number | null;
  /** Whether it is the policy of the file. */
  readonly chosen: boolean;
}

export interface FrontierOptions extends AllocateOptions {
  /** Called with what is known so far, as it grows. */
  onPoints?(points: readonly FrontierPoint[]): void;
}

/** How many budgets of flash are tried, evenly spread from the least to the most that the widths can take. */
const POINTS = 40;
/** Branches for each: a curve needs no proof. */
const NODES = 2000;

/** Loss over all budgets of flash, the other limits kept. By rising bytes and falling loss. */
export async function frontierOf(
  space: Space,
  cost: NetworkCost,
  losses: readonly (readonly number[])[],
  { ram, latency }: Budget,
  chosen: Allocation,
  options: FrontierOptions,
): Promise<FrontierPoint[]> {
  const rest = (chosen.fileBytes ?? chosen.weightBytes) - chosen.weightBytes;
  const sum = (of: (...values: number[]) => number) =>
    classSizes(space)
      .slice(0, space.layers.length)
      .reduce((total, _, i) => total + of(...space.weightBits.map((width) => cost.weightBytes(i, width))), 0);
  const [least, most] = [sum(Math.min), sum(Math.max)];
  const own: AllocateOptions = {
    ...options,
    nodes: NODES,
    fileBytes: (widths) => cost.totalWeightBytes(widths) + rest,
  };
  const others: Budget = { ...(ram !== undefined && { ram }), ...(latency !== undefined && { latency }) };
  const found: FrontierPoint[] = [pointOf(chosen, rest, true)];
  // From the most down: what a limit of RAM or time refuses, it refuses with less flash too, and a refusal is dear.
  for (let i = POINTS - 1; i >= 0; i--) {
    const flash = rest + Math.ceil(least + ((most - least) * i) / (POINTS - 1));
    const allocation = await allocate(space, cost, losses, { ...others, flash }, own).catch((error) => {
      if (error instanceof DyadicError && error.code === "NO_POLICY") return undefined;
      throw error;
    });
    if (allocation === undefined) break;
    found.push(pointOf(allocation, rest, false));
    options.onPoints?.(pareto(found));
  }
  return pareto(found);
}

function pointOf(
  { weightBytes, peakBytes, certificate: { loss } }: Allocation,
  rest: number,
  chosen: boolean,
): FrontierPoint {
  return { bytes: weightBytes + rest, arenaBytes: peakBytes, loss, accuracy: null, chosen };
}

/** Points that no other beats in both; the chosen one in any case. */
function pareto(points: readonly FrontierPoint[]): FrontierPoint[] {
  const sorted = [...points].sort(
    (a, b) => a.bytes - b.bytes || a.loss - b.loss || Number(b.chosen) - Number(a.chosen),
  );
  let least = Infinity;
  return sorted.filter(({ loss, chosen }) => {
    const isBetter = loss < least;
    least = Math.min(least, loss);
    return isBetter || chosen;
  });
}
