import { DyadicError } from "../error.ts";
import type { IntegerGraph } from "../graph/integer.ts";
import { type Halo, NO_HALO, opNamed } from "../ops/index.ts";
import {
  type Chain,
  chains,
  freeTakeovers,
  haloNeeds,
  onePerNode,
  possibleTakeovers,
  type Takeover,
} from "./in-place.ts";
import { extentBytes, type Layout, type Lifetime, leadBytes, pitches, tensorLifetimes } from "./layout.ts";
import { bytesPerStep, type Item, largestSum, type Packing, pack } from "./pack.ts";
import { scratchWishes } from "./spare.ts";

/** Evaluations that the search for in-place decisions may spend on one starting point. */
const CLIMB_BUDGET = 600;
const MAX_ARENA_BYTES = 2 ** 31 - 1;

/** What the planner knows of a graph before it decides anything. */
interface Problem {
  readonly graph: IntegerGraph;
  readonly needs: readonly Halo[];
  readonly lifetimes: readonly Lifetime[];
  readonly possible: readonly Takeover[];
}

/**
 * Gives every tensor and every scratch its place in one arena, with as small a peak as it finds: decides which outputs
 * take over an input's bytes, then packs. Deterministic. Throws OUT_OF_MEMORY for an arena of 2 GiB or more.
 */
export function plan(graph: IntegerGraph): Layout {
  const lifetimes = tensorLifetimes(graph);
  const possible = possibleTakeovers(graph, lifetimes);
  const problem: Problem = { graph, needs: haloNeeds(graph), lifetimes, possible };
  const starts = [onePerNode(possible), freeTakeovers(problem.needs, possible), []];
  const candidates = new Map<string, Chain[]>();
  for (const start of starts) {
    const found = chains(problem.needs, lifetimes, climb(problem, start));
    candidates.set(found.map((chain) => chain.tensors.join()).join(";"), found);
  }
  let best: { found: Chain[]; packing: Packing } | undefined;
  const inOrder = [...candidates.values()].map((found) => ({ found, items: itemsOf(graph, found) }));
  inOrder.sort((a, b) => largestSum(a.items) - largestSum(b.items));
  for (const { found, items } of inOrder) {
    if (best !== undefined && largestSum(items) >= best.packing.peakBytes) break;
    const packing = pack(items);
    if (best === undefined || packing.peakBytes < best.packing.peakBytes) best = { found, packing };
  }
  return layoutOf(graph, best!.found, ...spare(graph, best!.found, best!.packing));
}

/** Bytes of scratch by node. */
type Granted = readonly number[];

/**
 * Gives steps that are faster with more scratch the bytes that lie idle while they run: whatever packs without a
 * larger arena and without raising the largest sum of bytes alive.
 */
function spare(graph: IntegerGraph, found: readonly Chain[], packing: Packing): [Packing, Granted] {
  let granted: Granted = graph.nodes.map((_, k) => scratchBytes(graph, k));
  const lowerBound = largestSum(itemsOf(graph, found, granted));
  for (const { node, sizes } of scratchWishes(graph, (k) => granted[k]!)) {
    for (const bytes of sizes) {
      const more = granted.with(node, bytes);
      const items = itemsOf(graph, found, more);
      if (largestSum(items) > lowerBound) continue;
      const attempt = pack(items);
      if (attempt.peakBytes > packing.peakBytes) continue;
      [packing, granted] = [attempt, more];
      break;
    }
  }
  return [packing, granted];
}

/** Changes one node's takeover at a time while that lowers the largest sum of live bytes (then their total). */
function climb(
  { graph, needs, lifetimes, possible }: Problem,
  start: readonly Takeover[],
): readonly Takeover[] {
  const cost = (chosen: readonly Takeover[]): [peak: number, total: number] => {
    const sums = bytesPerStep(itemsOf(graph, chains(needs, lifetimes, chosen)));
    return [sums.reduce((a, b) => Math.max(a, b), 0), sums.reduce((a, b) => a + b, 0)];
  };
  let chosen = start;
  let best = cost(chosen);
  let budget = CLIMB_BUDGET;
  for (let improved = true; improved; ) {
    improved = false;
    for (const takeover of possible) {
      if (--budget < 0) return chosen;
      const others = chosen.filter((other) => other.node !== takeover.node);
      const taken = chosen.includes(takeover);
      const changed = taken ? others : [...others, takeover].sort((a, b) => a.node - b.node);
      const value = cost(changed);
      if (value[0] < best[0] || (value[0] === best[0] && value[1] < best[1])) {
        [chosen, best, improved] = [changed, value, true];
      }
    }
  }
  return chosen;
}

/** What has to be packed: the chains in their order, then the scratch of every node that has some. */
function itemsOf(graph: IntegerGraph, found: readonly Chain[], granted?: Granted, withHalos = true): Item[] {
  const buffers = found.map(({ tensors, halo, from, to }) => {
    const { shape, bits } = graph.tensors[tensors[0]!]!;
    const kept = withHalos ? halo : NO_HALO;
    return { bytes: extentBytes(shape, { ...pitches(shape, kept, bits), halo: kept }), from, to };
  });
  const scratch = graph.nodes.flatMap((_, k) => {
    const bytes = granted?.[k] ?? scratchBytes(graph, k);
    const step = graph.inputs.length + k;
    return bytes > 0 ? [{ bytes, from: step, to: step }] : [];
  });
  return [...buffers, ...scratch];
}

function scratchBytes(graph: IntegerGraph, k: number): number {
  const node = graph.nodes[k]!;
  const shapes = {
    inputs: node.inputs.map((input) => graph.tensors[input]!),
    output: graph.tensors[node.output]!,
  };
  return opNamed(node.op).scratchBytes?.(node.parameters, shapes) ?? 0;
}

function layoutOf(graph: IntegerGraph, found: readonly Chain[], packing: Packing, granted: Granted): Layout {
  if (packing.peakBytes > MAX_ARENA_BYTES) {
    throw new DyadicError("OUT_OF_MEMORY", "the activations of this model do not fit an arena", {
      expected: `at most ${MAX_ARENA_BYTES} bytes`,
      found: `${packing.peakBytes}`,
    });
  }
  const placements: Layout["placements"][number][] = [];
  found.forEach(({ tensors, halo }, i) => {
    for (const tensor of tensors) {
      const { shape, bits } = graph.tensors[tensor]!;
      const geometry = { ...pitches(shape, halo, bits), halo };
      placements[tensor] = { offset: packing.offsets[i]! + leadBytes(geometry), ...geometry };
    }
  });
  let item = found.length;
  const scratch = granted.map((bytes) => {
    return { offset: bytes > 0 ? packing.offsets[item++]! : 0, bytes };
  });
  const liveBytes = bytesPerStep(itemsOf(graph, found, granted));
  const bareBytes = bytesPerStep(itemsOf(graph, found, granted, false));
  const lowerBound = liveBytes.reduce((a, b) => Math.max(a, b), 0);
  return {
    placements,
    scratch,
    groups: [],
    peakBytes: packing.peakBytes,
    liveBytes,
    lowerBound,
    lowerBoundWithoutHalos: bareBytes.reduce((a, b) => Math.max(a, b), 0),
    haloBytes: lowerBound - bareBytes[liveBytes.indexOf(lowerBound)]!,
  };
}
