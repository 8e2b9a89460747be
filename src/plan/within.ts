// The fastest plan in a given arena: which nodes run by themselves, and which together row band by row band.
import type { IntegerGraph } from "../graph/integer.ts";
import { arrange } from "./arrange.ts";
import type { Layout } from "./layout.ts";
import { type Candidate, candidates, type Run, withCopies } from "./runs.ts";
import { schedule } from "./schedule.ts";

/** A graph as it was planned, copies of rows included, and its layout. */
export interface Planned {
  readonly graph: IntegerGraph;
  readonly layout: Layout;
  /** What running by bands costs, in nanoseconds, roughly. */
  readonly overhead: number;
}

/** Ways through the graph that are packed at most, each with less of its own than the last one. */
const ATTEMPTS = 40;

/**
 * The plan that costs least in an arena of so many bytes; where none is found, the smallest that was. Every node runs by
 * itself where that fits. Deterministic.
 */
export function planWithin(graph: IntegerGraph, arenaBytes: number): Planned {
  let best: Planned = { graph, layout: arrange(graph), overhead: 0 };
  if (best.layout.peakBytes <= arenaBytes) return best;
  const choices = candidates(graph);
  const attempt = (path: readonly Step[]) => {
    const found = arranged(graph, path, arenaBytes);
    if (found.layout.peakBytes < best.layout.peakBytes) best = found;
    return best.layout.peakBytes <= arenaBytes;
  };
  const least = leastPeak(choices);
  let limit = Math.max(arenaBytes, least);
  for (let i = 0; i < ATTEMPTS && limit >= least; i++) {
    const path = cheapest(choices, limit)!;
    if (attempt(path)) return best;
    limit = path.reduce((most, step) => Math.max(most, step.peak), 0) - 1;
  }
  attempt(leanest(choices, least));
  return best;
}

function arranged(graph: IntegerGraph, path: readonly Step[], enough: number): Planned {
  const banded: Run[] = path.flatMap(({ candidate }) => (candidate.bandRows > 0 ? [candidate] : []));
  const copied = withCopies(graph, banded);
  const schedules = copied.runs.map(
    ({ first, count, bandRows }) => schedule(copied.graph, first, count, bandRows)!,
  );
  const overhead = path.reduce((sum, { candidate }) => sum + candidate.cost, 0);
  return { graph: copied.graph, layout: arrange(copied.graph, schedules, enough), overhead };
}

/** A candidate on a way through the graph, with its bytes there. */
interface Step {
  readonly candidate: Candidate;
  readonly peak: number;
}

interface Way {
  readonly value: number;
  readonly steps: readonly Step[];
}

/** The cheapest way from the first node to the last on which nothing takes more than `limit`. */
function cheapest(choices: readonly (readonly Candidate[])[], limit: number): readonly Step[] | undefined {
  return way(choices, ({ value }, { candidate, peak }) => (peak > limit ? Infinity : value + candidate.cost))
    ?.steps;
}

/** Of the ways on which nothing takes more than the most hungry candidate must, one where the others take little. */
function leanest(choices: readonly (readonly Candidate[])[], limit: number): readonly Step[] {
  return way(choices, ({ value }, { peak }) => (peak > limit ? Infinity : value + (peak / limit) ** 4))!
    .steps;
}

/** The least that the most hungry candidate of a way can take. */
function leastPeak(choices: readonly (readonly Candidate[])[]): number {
  return way(choices, ({ value }, { peak }) => Math.max(value, peak))!.value;
}

/** The way of least value; behind every node there are two cases, as the next run copies its inputs or does not. */
function way(
  choices: readonly (readonly Candidate[])[],
  extend: (way: Way, step: Step) => number,
): Way | undefined {
  const open: { halos?: Way; dense?: Way }[] = choices.map(() => ({}));
  open.push({});
  open[0] = { halos: { value: 0, steps: [] }, dense: { value: 0, steps: [] } };
  choices.forEach((own, k) => {
    for (const candidate of own) {
      const before = candidate.copies ? open[k]!.dense : open[k]!.halos;
      if (before === undefined) continue;
      for (const kind of ["halos", "dense"] as const) {
        const step = { candidate, peak: candidate.peaks[kind] };
        const value = extend(before, step);
        const behind = open[k + candidate.count]!;
        if (value < (behind[kind]?.value ?? Infinity))
          behind[kind] = { value, steps: [...before.steps, step] };
      }
    }
  });
  return open[choices.length]!.halos;
}
