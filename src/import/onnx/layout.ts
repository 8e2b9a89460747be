import { elements } from "../../graph/graph.ts";

/**
 * How a tensor holds a value: axis i of the tensor is axis `order[i]` of the value as the file sees it; -1 is an
 * additional size of 1. Axes of size 1 may be missing. A transpose is only another order, so it costs nothing until
 * somebody needs the elements in a certain one.
 */
export type Order = readonly number[];

/** NCHW as NHWC, and (N, C, L) as [1, 1, L, C]. */
export function channelsLast(rank: number): Order {
  if (rank === 4) return [0, 2, 3, 1];
  if (rank === 3) return [0, -1, 2, 1];
  return plain(rank);
}

/** The file's own order. */
export function plain(rank: number): Order {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/**
 * An order of all axes in a form that the engine holds: where there are more than four, or the first of three or four
 * is not 1, axes of size 1 go (but for `keep`) and what is left are height, width and channels.
 */
export function held(shape: readonly number[], order: Order, keep = -1): Order {
  const first = order[0] === -1 ? 1 : shape[order[0]!];
  if (order.length <= 2 || (order.length <= 4 && first === 1)) return order;
  const kept = order.filter((axis) => axis !== -1 && (shape[axis] !== 1 || axis === keep));
  return kept.length <= 3 ? [...Array(4 - kept.length).fill(-1), ...kept] : order;
}

/** The file's own order, held. */
export function fileOrder(shape: readonly number[]): Order {
  return held(shape, plain(shape.length));
}

/** Shape of the tensor that holds a value of `shape` in `order`. */
export function storedShape(shape: readonly number[], order: Order): number[] {
  return order.map((axis) => (axis === -1 ? 1 : shape[axis]!));
}

/** The axes that matter for the order of elements. */
export function movedAxes(shape: readonly number[], order: Order): number[] {
  return order.filter((axis) => axis !== -1 && shape[axis] !== 1);
}

/** How to rearrange a tensor: seen as `from`, its axes permuted. */
export interface Rearrangement {
  readonly from: readonly number[];
  readonly permutation: readonly number[];
}

/**
 * The permutation between two orders of the same value, or null where the elements already lie right. Neighbours that
 * stay together count as one axis, unless the tensor can be permuted as it is.
 */
export function rearrangement(shape: readonly number[], order: Order, wanted: Order): Rearrangement | null {
  const [have, want] = [movedAxes(shape, order), movedAxes(shape, wanted)];
  if (have.join() === want.join()) return null;
  const whole = order.length === wanted.length && order.length <= 4 && !order.includes(-1);
  if (whole && wanted.every((axis) => order.includes(axis))) {
    return { from: storedShape(shape, order), permutation: wanted.map((axis) => order.indexOf(axis)) };
  }
  const runs: number[][] = [];
  for (const axis of have) {
    const last = runs.at(-1)?.at(-1);
    if (last !== undefined && want[want.indexOf(last) + 1] === axis) runs.at(-1)!.push(axis);
    else runs.push([axis]);
  }
  const moved = want.flatMap((axis) => {
    const run = runs.findIndex(([first]) => first === axis);
    return run === -1 ? [] : [run];
  });
  const front = Math.max(0, 4 - runs.length);
  const sizes = runs.map((run) => elements(run.map((axis) => shape[axis]!)));
  return {
    from: [...Array(front).fill(1), ...sizes],
    permutation: [...Array.from({ length: front }, (_, i) => i), ...moved.map((run) => run + front)],
  };
}

/** Axes before and after a reshape that hold the same elements; sizes of 1 are in no group. */
interface Group {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

function groups(from: readonly number[], to: readonly number[]): Group[] {
  const [a, b] = [plain(from.length), plain(to.length)].map((axes, side) =>
    axes.filter((axis) => (side === 0 ? from : to)[axis] !== 1),
  ) as [number[], number[]];
  const found: Group[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    const group = { from: [] as number[], to: [] as number[] };
    let [left, right] = [1, 1];
    do {
      if (left <= right && i < a.length) {
        left *= from[a[i]!]!;
        group.from.push(a[i++]!);
      } else if (j < b.length) {
        right *= to[b[j]!]!;
        group.to.push(b[j++]!);
      } else break;
    } while (left !== right);
    found.push(group);
  }
  return found;
}

/**
 * The order in which a reshaped value can stay where it is, with the shape its tensor then has; null where the
 * reshape joins axes that do not lie together in the file's order.
 */
export function reshapedOrder(
  from: readonly number[],
  order: Order,
  to: readonly number[],
): { order: Order; sameTensor: boolean } | null {
  const parts = groups(from, to);
  if (parts.every((group) => group.from.length === 1 && group.to.length === 1)) {
    const moved = new Map(parts.map((group) => [group.from[0], group.to[0]!]));
    return { order: order.map((axis) => moved.get(axis) ?? -1), sameTensor: true };
  }
  const have = movedAxes(from, order);
  const result: number[] = [];
  for (let at = 0; at < have.length; ) {
    const group = parts.find((candidate) => candidate.from[0] === have[at]);
    if (group?.from.join() !== have.slice(at, at + (group?.from.length ?? 0)).join()) return null;
    result.push(...group!.to);
    at += group!.from.length;
  }
  while (result.length < 2 || result.length === 3) result.unshift(-1);
  return { order: result, sameTensor: false };
}
