import { congruential, type Random } from "../numerics/random.ts";

/** Something that occupies bytes of the arena during some steps (both ends included). */
export interface Item {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Two items that may share bytes though they are alive together: the upper starts at least so many bytes above the
 * lower, or anywhere where they share none.
 */
export interface Overlap {
  readonly lower: number;
  readonly upper: number;
  readonly distance: number;
}

export interface Packing {
  /** By item. */
  readonly offsets: readonly number[];
  readonly peakBytes: number;
}

/** Every item starts on a multiple of this many bytes: one vector load. */
const ALIGNMENT = 16;
/** Nodes that the exact search may visit; small graphs finish far below, large ones keep the best found so far. */
const SEARCH_NODES = 60_000;
/** More items than this are left to the greedy orders: one visit costs too much. */
const SEARCH_ITEMS = 300;
const SHUFFLES = 48;
/** Where items may overlap there is no exact search. */
const OVERLAP_SHUFFLES = 400;

/**
 * Places items so that those alive at the same time do not overlap but as they may, with as small a peak as it can find:
 * greedy orders with first and best fit, small perturbations of the best, then a bounded exact search. Deterministic.
 *
 * @param enough bytes of a peak that needs not be smaller
 */
export function pack(items: readonly Item[], overlaps: readonly Overlap[] = [], enough = 0): Packing {
  const bound = Math.max(enough, leastSum(items, overlaps));
  const conflicts = conflictLists(items, overlaps);
  let best: Packing = { offsets: [], peakBytes: Infinity };
  let bestOrder: readonly number[] = [];
  const attempt = (order: readonly number[]) => {
    for (const tightest of [false, true]) {
      const packing = placeInOrder(items, conflicts, order, tightest);
      if (packing.peakBytes < best.peakBytes) [best, bestOrder] = [packing, order];
    }
    return best.peakBytes <= bound;
  };
  if (greedyOrders(items).some(attempt)) return best;
  const random = congruential(1);
  const shuffles = overlaps.length === 0 ? SHUFFLES : OVERLAP_SHUFFLES;
  for (let i = 0; i < shuffles; i++) if (attempt(moveOne(bestOrder, random))) return best;
  return items.length <= SEARCH_ITEMS && overlaps.length === 0
    ? searchExactly(items, conflicts, best, bound)
    : best;
}

/** What no arrangement can be below: the largest sum of bytes at a step, as if one of two that may overlap held both. */
function leastSum(items: readonly Item[], overlaps: readonly Overlap[]): number {
  const sums = bytesPerStep(items);
  for (const { lower, upper } of overlaps) {
    const [a, b] = [items[lower]!, items[upper]!];
    for (let step = Math.max(a.from, b.from); step <= Math.min(a.to, b.to); step++)
      sums[step]! -= Math.min(a.bytes, b.bytes);
  }
  return sums.reduce((a, b) => Math.max(a, b), 0);
}

/** Bytes of the arena that are covered at each step. */
export function coveredPerStep(items: readonly Item[], offsets: readonly number[]): number[] {
  const order = items.map((_, i) => i).sort((a, b) => offsets[a]! - offsets[b]!);
  return bytesPerStep(items).map((_, step) => {
    let [covered, end] = [0, 0];
    for (const i of order) {
      const { bytes, from, to } = items[i]!;
      if (step < from || step > to) continue;
      covered += Math.max(0, offsets[i]! + bytes - Math.max(end, offsets[i]!));
      end = Math.max(end, offsets[i]! + bytes);
    }
    return covered;
  });
}

/** Runs of bytes, below the peak and aligned, that none of the first items of a packing covers at a step; the lowest first. */
export function gapsAt(step: number, items: readonly Item[], { offsets, peakBytes }: Packing) {
  const covered = items.flatMap(({ bytes, from, to }, i) =>
    from <= step && step <= to ? [{ start: offsets[i]!, end: offsets[i]! + bytes }] : [],
  );
  covered.sort((a, b) => a.start - b.start);
  let from = 0;
  const gaps: { from: number; to: number }[] = [];
  for (const { start, end } of [...covered, { start: peakBytes, end: peakBytes }]) {
    if (start > from) gaps.push({ from, to: start });
    from = Math.max(from, align(end));
  }
  return gaps;
}

/** Largest sum of bytes alive at one step. */
export function largestSum(items: readonly Item[]): number {
  return bytesPerStep(items).reduce((a, b) => Math.max(a, b), 0);
}

/** Sum of the bytes alive at each step. */
export function bytesPerStep(items: readonly Item[]): number[] {
  const steps = items.reduce((last, item) => Math.max(last, item.to + 1), 0);
  const sums = Array<number>(steps).fill(0);
  for (const item of items) {
    for (let step = item.from; step <= item.to; step++) sums[step]! += item.bytes;
  }
  return sums;
}

/** An item that another one must keep clear of, and how far above or below it that one must start. */
interface Conflict {
  readonly other: number;
  readonly above: number;
  readonly below: number;
}

function conflictLists(items: readonly Item[], overlaps: readonly Overlap[]): Conflict[][] {
  const meets = (a: Item, b: Item) => a.from <= b.to && b.from <= a.to;
  const lists = items.map((item, i) =>
    items.flatMap((own, other): Conflict[] =>
      i !== other && meets(item, own) ? [{ other, above: own.bytes, below: item.bytes }] : [],
    ),
  );
  const change = (item: number, other: number, own: Partial<Conflict>) => {
    lists[item] = lists[item]!.map((known) => (known.other === other ? { ...known, ...own } : known));
  };
  for (const { lower, upper, distance } of overlaps) {
    if (distance >= items[lower]!.bytes) continue;
    change(upper, lower, { above: distance });
    change(lower, upper, { below: distance });
  }
  return lists;
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

function greedyOrders(items: readonly Item[]): number[][] {
  const sums = bytesPerStep(items);
  const crowded = (item: Item) => Math.max(...sums.slice(item.from, item.to + 1));
  const length = (item: Item) => item.to - item.from + 1;
  const keys: ((item: Item) => number)[] = [
    (item) => -item.bytes,
    (item) => -item.bytes * length(item),
    (item) => -length(item),
    (item) => -crowded(item),
    (item) => item.from,
    (item) => -item.to,
  ];
  return keys.map((key) => {
    const value = items.map(key);
    return items
      .map((_, i) => i)
      .sort((a, b) => value[a]! - value[b]! || items[b]!.bytes - items[a]!.bytes || a - b);
  });
}

/** Gives each item, in order, the lowest gap that holds it, or the tightest. */
function placeInOrder(
  items: readonly Item[],
  conflicts: readonly (readonly Conflict[])[],
  order: readonly number[],
  tightest: boolean,
): Packing {
  const offsets = Array<number>(items.length).fill(-1);
  let peakBytes = 0;
  for (const item of order) {
    const bytes = items[item]!.bytes;
    // From the first byte at which the item may not start any more to the first at which it may again.
    const placed = conflicts[item]!.flatMap(({ other, above, below }) =>
      offsets[other]! < 0 ? [] : [{ last: offsets[other]! - below, next: align(offsets[other]! + above) }],
    );
    placed.sort((a, b) => a.last - b.last);
    let floor = 0;
    let chosen = -1;
    let slack = Infinity;
    for (const { last, next } of placed) {
      const spare = last - floor;
      if (spare >= 0 && spare < slack) {
        [chosen, slack] = [floor, spare];
        if (!tightest) break;
      }
      floor = Math.max(floor, next);
    }
    offsets[item] = chosen >= 0 ? chosen : floor;
    peakBytes = Math.max(peakBytes, offsets[item]! + bytes);
  }
  return { offsets, peakBytes };
}

function moveOne(order: readonly number[], random: Random): number[] {
  const next = (below: number) => Math.floor(random() * below);
  const moved = [...order];
  const [item] = moved.splice(next(moved.length), 1);
  moved.splice(next(moved.length + 1), 0, item!);
  return moved;
}

/**
 * Depth first over the orders of nondecreasing offsets, each item directly above the highest conflicting one below it:
 * some optimal arrangement has that form (push every item of an optimal one down, lowest first). A branch ends where, at
 * some step, what is placed and what must still lie above it reach the best peak.
 */
function searchExactly(
  items: readonly Item[],
  conflicts: readonly (readonly Conflict[])[],
  start: Packing,
  bound: number,
): Packing {
  let best = start;
  let budget = SEARCH_NODES;
  const offsets = Array<number>(items.length).fill(-1);
  const floors = Array<number>(items.length).fill(0);
  const rest = bytesPerStep(items);
  const tops = rest.map(() => 0);

  const visit = (count: number, lowest: number, peak: number): void => {
    if (count === items.length) {
      best = { offsets: [...offsets], peakBytes: peak };
      return;
    }
    const choices = items.flatMap((_, i) => (offsets[i]! < 0 && floors[i]! >= lowest ? [i] : []));
    choices.sort((a, b) => floors[a]! - floors[b]! || items[b]!.bytes - items[a]!.bytes);
    for (const choice of choices) {
      if (best.peakBytes <= bound || --budget < 0) return;
      const { bytes, from, to } = items[choice]!;
      const end = floors[choice]! + bytes;
      const saved = {
        tops: tops.slice(from, to + 1),
        floors: conflicts[choice]!.map(({ other }) => floors[other]!),
      };
      offsets[choice] = floors[choice]!;
      let need = end;
      for (let step = from; step <= to; step++) {
        tops[step] = end;
        rest[step]! -= bytes;
        need = Math.max(need, end + rest[step]!);
      }
      for (const { other } of conflicts[choice]!) floors[other] = Math.max(floors[other]!, align(end));
      if (need < best.peakBytes) visit(count + 1, offsets[choice]!, Math.max(peak, end));
      offsets[choice] = -1;
      for (let step = from; step <= to; step++) {
        tops[step] = saved.tops[step - from]!;
        rest[step]! += bytes;
      }
      conflicts[choice]!.forEach(({ other }, i) => {
        floors[other] = saved.floors[i]!;
      });
    }
  };
  visit(0, 0, 0);
  return best;
}
