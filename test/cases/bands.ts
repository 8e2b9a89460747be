import type { IntegerGraph } from "../../src/graph/integer.ts";
import { arrange } from "../../src/plan/arrange.ts";
import type { Layout } from "../../src/plan/layout.ts";
import { type Run, withCopies } from "../../src/plan/runs.ts";
import { runsByBands, schedule } from "../../src/plan/schedule.ts";
import type { Random } from "./random.ts";

const MOST_NODES = 7;

/** A graph as it was planned, copies of rows included. */
export interface BandedGraph {
  readonly graph: IntegerGraph;
  readonly layout: Layout;
}

/** A plan of a graph in which every other run of nodes that may goes by bands, of random heights. */
export function planBanded(graph: IntegerGraph, random: Random): BandedGraph {
  const wanted: Run[] = [];
  for (let first = 0; first < graph.nodes.length; ) {
    let most = 0;
    while (most < MOST_NODES && first + most < graph.nodes.length && runsByBands(graph, first + most)) most++;
    if (most === 0 || random.chance(0.3)) {
      first++;
      continue;
    }
    const count = random.integer(1, most);
    const height = graph.tensors[graph.nodes[first + count - 1]!.output]!.shape[0];
    const bandRows = random.chance(0.5) ? random.integer(1, Math.min(3, height)) : random.integer(1, height);
    wanted.push({ first, count, bandRows, copies: random.chance(0.5) });
    first += count;
  }
  const possible = wanted.filter(({ first, count, bandRows }) => schedule(graph, first, count, bandRows));
  const copied = withCopies(graph, possible);
  const schedules = copied.runs.flatMap(
    ({ first, count, bandRows }) => schedule(copied.graph, first, count, bandRows) ?? [],
  );
  return { graph: copied.graph, layout: arrange(copied.graph, schedules) };
}
