import { DyadicError } from "../error.ts";
import type { IntegerGraph } from "../graph/integer.ts";
import { type Halo, NO_HALO } from "../ops/index.ts";
import {
  type Chain,
  chains,
  freeTakeovers,
  haloNeeds,
  onePerNode,
  possibleTakeovers,
  type Takeover,
} from "./in-place.ts";
import {
  extentBytes,
  type Group,
  groupSpan,
  type Layout,
  type Lifetime,
  leadBytes,
  pitches,
  type Scratch,
  scratchBytes,
  scratchWishes,
  tensorLifetimes,
} from "./layout.ts";
import {
  bytesPerStep,
  coveredPerStep,
  gapsAt,
  type Item,
  largestSum,
  type Overlap,
  type Packing,
  pack,
} from "./pack.ts";
import { leastDistance, type Schedule } from "./schedule.ts";

/** Evaluations that the search for in-place decisions may spend on one starting point. */
const CLIMB_BUDGET = 600;
const MAX_ARENA_BYTES = 2 ** 31 - 1;

/** What the planner knows of a graph before it decides anything. */
interface Problem {
  readonly graph: IntegerGraph;
  readonly schedules: readonly Schedule[];
  readonly needs: readonly Halo[];
  readonly lifetimes: readonly Lifetime[];
  readonly possible: readonly Takeover[];
}

/**
 * Gives every tensor and every scratch its place in one arena, with as small a peak as it finds: decides which outputs
 * take over an input's bytes, then packs. Groups run as their schedules say. Deterministic.
 * Throws OUT_OF_MEMORY for an arena of 2 GiB or more.
 *
 * @param enough bytes of an arena that needs not be smaller
 */
export function arrange(graph: IntegerGraph, schedules: readonly Schedule[] = [], enough = 0): Layout {
  const groups = schedules.map(({ group }) => group);
  const lifetimes = tensorLifetimes(graph, groups);
  const outside = ({ node }: Takeover) => !groups.some((group) => isMember(group, node));
  const possible = possibleTakeovers(graph, lifetimes).filter(outside);
  const problem: Problem = { graph, schedules, needs: haloNeeds(graph), lifetimes, possible };
  const starts = [onePerNode(possible), freeTakeovers(problem.needs, possible), []];
  const candidates = new Map<string, Chain[]>();
  for (const start of starts) {
    const found = chains(problem.needs, lifetimes, climb(problem, start));
    candidates.set(found.map((chain) => chain.tensors.join()).join(";"), found);
  }
  let best: { found: Chain[]; packing: Packing } | undefined;
  const inOrder = [...candidates.values()].map((found) => ({ found, items: itemsOf(problem, found) }));
  inOrder.sort((a, b) => largestSum(a.items) - largestSum(b.items));
  for (const { found, items } of inOrder) {
    if (best !== undefined && groups.length === 0 && largestSum(items) >= best.packing.peakBytes) break;
    const packing = pack(items, overlapsOf(problem, found), enough);
    if (best === undefined || packing.peakBytes < best.packing.peakBytes) best = { found, packing };
  }
  const { found, packing } = best!;
  const buffers = buffersOf(problem, found);
  const scratch = spare(problem, buffers, packing, packedScratch(problem, found.length, packing));
  return layoutOf(problem, found, packing, scratch);
}

/** The scratch of every node, where the packing put it; 0 bytes where a node needs none. */
function packedScratch({ graph, schedules }: Problem, first: number, { offsets }: Packing): Scratch[] {
  const scratch = graph.nodes.map((_, k) => ({ offset: 0, bytes: scratchBytes(graph, k) }));
  let item = first;
  for (const { nodes } of scratchOwners(graph, schedules)) {
    if (!nodes.some((k) => scratch[k]!.bytes > 0)) continue;
    const offset = offsets[item++]!;
    for (const k of nodes) if (scratch[k]!.bytes > 0) scratch[k] = { offset, bytes: scratch[k]!.bytes };
  }
  return scratch;
}

/**
 * Gives steps that are faster with more scratch the bytes that lie idle while they run, in one piece: without a larger
 * arena, and without raising the largest sum of bytes alive. Scratch lives at its own step only, so nothing else moves.
 */
function spare(problem: Problem, buffers: readonly Item[], packing: Packing, scratch: Scratch[]): Scratch[] {
  const { graph, schedules } = problem;
  const alive = bytesPerStep([...buffers, ...scratchItems(problem, scratch)]);
  const most = alive.reduce((a, b) => Math.max(a, b), 0);
  return scratch.map((own, node) => {
    if (schedules.some(({ group }) => isMember(group, node))) return own;
    const step = graph.inputs.length + node;
    const limit = own.bytes + most - alive[step]!;
    const sizes = scratchWishes(graph, node).filter((bytes) => bytes > own.bytes && bytes <= limit);
    if (sizes.length === 0) return own;
    const gaps = gapsAt(step, buffers, packing);
    for (const bytes of sizes) {
      const gap = gaps.find(({ from, to }) => to - from >= bytes);
      if (gap !== undefined) return { offset: gap.from, bytes };
    }
    return own;
  });
}

/** Changes one node's takeover at a time while that lowers the largest sum of live bytes (then their total). */
function climb(problem: Problem, start: readonly Takeover[]): readonly Takeover[] {
  const { needs, lifetimes, possible } = problem;
  const cost = (chosen: readonly Takeover[]): [peak: number, total: number] => {
    const sums = bytesPerStep(itemsOf(problem, chains(needs, lifetimes, chosen)));
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

/** What has to be packed: the chains in their order, then the scratch of every node or group that has some. */
function itemsOf(problem: Problem, found: readonly Chain[]): Item[] {
  const { graph } = problem;
  const needed = graph.nodes.map((_, k) => ({ offset: 0, bytes: scratchBytes(graph, k) }));
  return [...buffersOf(problem, found), ...scratchItems(problem, needed)];
}

function buffersOf(problem: Problem, found: readonly Chain[], withHalos = true): Item[] {
  return found.map((chain) => {
    const kept = withHalos ? chain : { ...chain, halo: NO_HALO };
    const shape = problem.graph.tensors[chain.tensors[0]!]!.shape;
    return { bytes: extentBytes(shape, geometryOf(problem, kept)), from: chain.from, to: chain.to };
  });
}

function scratchItems({ graph, schedules }: Problem, scratch: readonly Scratch[]): (Item & Scratch)[] {
  return scratchOwners(graph, schedules).flatMap(({ nodes, from, to }) => {
    const largest = nodes.reduce(
      (most, k) => (scratch[k]!.bytes > scratch[most]!.bytes ? k : most),
      nodes[0]!,
    );
    return scratch[largest]!.bytes > 0 ? [{ ...scratch[largest]!, from, to }] : [];
  });
}

/** Pitches, halo and window of a chain's tensors. */
function geometryOf({ graph, schedules }: Problem, { tensors, halo }: Pick<Chain, "tensors" | "halo">) {
  const { shape, bits } = graph.tensors[tensors[0]!]!;
  const window = schedules.map(({ windows }) => windows.get(tensors[0]!)).find((rows) => rows !== undefined);
  return { ...pitches(shape, halo, bits), halo, ...(window !== undefined && { window }) };
}

/** What has scratch of its own, with its steps: a node, or the nodes of a group, which share it. */
function scratchOwners(graph: IntegerGraph, schedules: readonly Schedule[]) {
  const owners: (Lifetime & { readonly nodes: readonly number[] })[] = [];
  for (let k = 0; k < graph.nodes.length; k++) {
    const group = schedules.find((own) => isMember(own.group, k))?.group;
    const step = graph.inputs.length + k;
    const count = group?.members.length ?? 1;
    owners.push({ nodes: Array.from({ length: count }, (_, i) => k + i), from: step, to: step + count - 1 });
    k += count - 1;
  }
  return owners;
}

function isMember({ first, members }: Group, node: number): boolean {
  return first <= node && node < first + members.length;
}

/** Outputs of groups that may lie on an input whose rows are consumed as theirs are made. */
function overlapsOf(problem: Problem, found: readonly Chain[]): Overlap[] {
  const { graph, schedules } = problem;
  return schedules.flatMap(({ group, windows }) => {
    const { from, to } = groupSpan(graph, group);
    const members = graph.nodes.slice(group.first, group.first + group.members.length);
    const written = new Set(members.map(({ output }) => output));
    const read = new Set(members.flatMap(({ inputs }) => inputs).filter((tensor) => !written.has(tensor)));
    const rowsOf = ({ halo }: Chain, tensor: number) => {
      return { tensor, ...geometryOf(problem, { tensors: [tensor], halo }) };
    };
    const uppers = found.flatMap((chain, upper) => {
      const last = chain.tensors.at(-1)!;
      return chain.from < from && chain.to === to && read.has(last)
        ? [{ upper, rows: rowsOf(chain, last) }]
        : [];
    });
    const lowers = found.flatMap((chain, lower) => {
      const first = chain.tensors[0]!;
      const isWhole = written.has(first) && !windows.has(first);
      return chain.from === from && isWhole ? [{ lower, rows: rowsOf(chain, first) }] : [];
    });
    return uppers.flatMap(({ upper, rows: input }) =>
      lowers.map(({ lower, rows }) => ({ lower, upper, distance: leastDistance(graph, group, input, rows) })),
    );
  });
}

function layoutOf(problem: Problem, found: readonly Chain[], packing: Packing, scratch: Scratch[]): Layout {
  if (packing.peakBytes > MAX_ARENA_BYTES) {
    throw new DyadicError("OUT_OF_MEMORY", "the activations of this model do not fit an arena", {
      expected: `at most ${MAX_ARENA_BYTES} bytes`,
      found: `${packing.peakBytes}`,
    });
  }
  const placements: Layout["placements"][number][] = [];
  found.forEach((chain, i) => {
    for (const tensor of chain.tensors) {
      const geometry = geometryOf(problem, { tensors: [tensor], halo: chain.halo });
      placements[tensor] = { offset: packing.offsets[i]! + leadBytes(geometry), ...geometry };
    }
  });
  const scratched = scratchItems(problem, scratch);
  const offsets = [...packing.offsets.slice(0, found.length), ...scratched.map(({ offset }) => offset)];
  const liveBytes = coveredPerStep([...buffersOf(problem, found), ...scratched], offsets);
  const bareBytes = bytesPerStep([...buffersOf(problem, found, false), ...scratched]);
  const lowerBound = liveBytes.reduce((a, b) => Math.max(a, b), 0);
  const bareBound = Math.min(
    lowerBound,
    bareBytes.reduce((a, b) => Math.max(a, b), 0),
  );
  return {
    placements,
    scratch,
    groups: problem.schedules.map(({ group }) => group),
    peakBytes: packing.peakBytes,
    liveBytes,
    lowerBound,
    lowerBoundWithoutHalos: bareBound,
    haloBytes: Math.max(0, lowerBound - bareBytes[liveBytes.indexOf(lowerBound)]!),
  };
}
