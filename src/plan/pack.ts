/** Something that occupies bytes of the arena during some steps (both ends included). */
export interface Item {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
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

/**
 * Places items so that those alive at the same time do not overlap, with as small a peak as it can find: greedy orders
 * with first and best fit, small perturbations of the best, then a bounded exact search. Deterministic.
 */
export function pack(items: readonly Item[]): Packing {
  const bound = largestSum(items);
  const conflicts = conflictLists(items);
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
  const next = pseudoRandom();
  for (let i = 0; i < SHUFFLES; i++) if (attempt(moveOne(bestOrder, next))) return best;
  return items.length <= SEARCH_ITEMS ? searchExactly(items, conflicts, best, bound) : best;
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

function conflictLists(items: readonly Item[]): number[][] {
  const meets = (a: Item, b: Item) => a.from <= b.to && b.from <= a.to;
  return items.map((item, i) => items.flatMap((other, j) => (i !== j && meets(item, other) ? [j] : [])));
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
  conflicts: readonly (readonly number[])[],
  order: readonly number[],
  tightest: boolean,
): Packing {
  const offsets = Array<number>(items.length).fill(-1);
  let peakBytes = 0;
  for (const item of order) {
    const bytes = items[item]!.bytes;
    const placed = conflicts[item]!.filter((other) => offsets[other]! >= 0);
    placed.sort((a, b) => offsets[a]! - offsets[b]!);
    let floor = 0;
    let chosen = -1;
    let slack = Infinity;
    for (const other of placed) {
      const spare = offsets[other]! - floor - bytes;
      if (spare >= 0 && spare < slack) {
        [chosen, slack] = [floor, spare];
        if (!tightest) break;
      }
      floor = Math.max(floor, align(offsets[other]! + items[other]!.bytes));
    }
    offsets[item] = chosen >= 0 ? chosen : floor;
    peakBytes = Math.max(peakBytes, offsets[item]! + bytes);
  }
  return { offsets, peakBytes };
}

/** A linear congruential sequence from a fixed start: the same moves on every host. */
function pseudoRandom(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function moveOne(order: readonly number[], next: (below: number) => number): number[] {
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
  conflicts: readonly (readonly number[])[],
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
        floors: conflicts[choice]!.map((other) => floors[other]!),
      };
      offsets[choice] = floors[choice]!;
      let need = end;
      for (let step = from; step <= to; step++) {
        tops[step] = end;
        rest[step]! -= bytes;
        need = Math.max(need, end + rest[step]!);
      }
      for (const other of conflicts[choice]!) floors[other] = Math.max(floors[other]!, align(end));
      if (need < best.peakBytes) visit(count + 1, offsets[choice]!, Math.max(peak, end));
      offsets[choice] = -1;
      for (let step = from; step <= to; step++) {
        tops[step] = saved.tops[step - from]!;
        rest[step]! += bytes;
      }
      conflicts[choice]!.forEach((other, i) => {
        floors[other] = saved.floors[i]!;
      });
    }
  };
  visit(0, 0, 0);
  return best;
}
