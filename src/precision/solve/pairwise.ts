// Problems in which two classes lose something together: depth first over the classes, on a bound by fixed prices.
import { branchAndBound, type SearchLimits } from "./branch-and-bound.ts";
import { instanceOf } from "./instance.ts";
import { isFeasible, type Problem, totalsOf } from "./problem.ts";

/** Losses nearer than this share of the largest count as equal: they are sums of float64. */
const RESOLUTION = 1e-12;
/** Branches in place of one with a linear program: they cost some microseconds each. */
const BRANCHES = 100;
const NODES = 40_000;

export interface PairwiseResult {
  readonly choices: readonly number[] | undefined;
  readonly bound: number;
  /** Of the limits, in loss a unit. */
  readonly prices: Float64Array;
  readonly nodes: number;
  readonly resolution: number;
}

/**
 * Least loss with the problem's pairs. A pair between two open classes counts at least half of its least in the row of
 * either choice; the limits are relaxed with the prices of the linear problem that this makes at the root (Lagrange).
 */
export function pairwiseSearch(problem: Problem, { nodes = NODES, seconds }: SearchLimits): PairwiseResult {
  return new PairwiseSearch(problem, nodes, seconds ?? Infinity).run();
}

class PairwiseSearch {
  private readonly problem: Problem;
  /** Classes in the order in which they are settled: those that weigh most first. */
  private readonly order: readonly number[];
  /** [place][place]: losses by choice of both; undefined where they lose nothing together. */
  private readonly pairs: readonly (readonly (Float64Array[] | undefined)[])[];
  /** [depth][place]: for every choice what the classes that are open then add at least, and prices times costs. */
  private readonly open: readonly (readonly Float64Array[])[];
  /** [depth][limit]: the least that the classes that are open then cost. */
  private readonly least: readonly Float64Array[];
  private readonly prices: Float64Array;
  private readonly resolution: number;
  private readonly most: number;
  private readonly deadline: number;
  private nodes = 0;
  private best: number[] | undefined;
  private bestLoss = Infinity;

  constructor(problem: Problem, nodes: number, seconds: number) {
    this.problem = problem;
    this.most = nodes * BRANCHES;
    this.deadline = performance.now() + seconds * 1000;
    const { classes, limits } = problem;
    const weight = (i: number) => {
      const losses = classes[i]!.choices.map(({ loss }) => loss);
      return Math.max(...losses) - Math.min(...losses);
    };
    this.order = classes.map((_, i) => i).sort((a, b) => weight(b) - weight(a));
    this.pairs = pairsByPlace(problem, this.order);
    this.resolution = RESOLUTION * classes.reduce((sum, _, i) => sum + weight(i), 0);
    const halves = this.order.map((_, depth) => this.order.map((_, place) => this.halves(depth, place)));
    this.prices = this.rootPrices(halves[0] ?? []);
    this.open = halves.map((own) =>
      own.map((choices, place) => choices.map((value, c) => value + this.priceOf(place, c))),
    );
    this.least = this.order.map((_, depth) =>
      Float64Array.from(limits, (_, k) =>
        this.order.slice(depth).reduce((sum, i) => sum + leastCost(problem, i, k), 0),
      ),
    );
  }

  run(): PairwiseResult {
    const { problem, prices, resolution, order } = this;
    this.offer(this.linearStart());
    const bound = this.boundAt(
      0,
      0,
      this.ownLosses(),
      Float64Array.from(problem.limits, ({ atMost }) => atMost),
    );
    const rest = Float64Array.from(problem.limits, ({ atMost }) => atMost);
    const isWhole = order.length === 0 || this.visit(0, 0, this.ownLosses(), rest, []);
    const { best: choices, bestLoss } = this;
    const proven = isWhole ? (choices === undefined ? Infinity : bestLoss) : Math.min(bound, bestLoss);
    return { choices, bound: proven, prices, nodes: this.nodes, resolution };
  }

  private ownLosses(): Float64Array[] {
    return this.order.map((i) => Float64Array.from(this.problem.classes[i]!.choices, ({ loss }) => loss));
  }

  /** Settles the class at `depth`, the most promising choice first; whether all of it was looked at. */
  private visit(
    depth: number,
    settled: number,
    losses: readonly Float64Array[],
    rest: Float64Array,
    taken: readonly number[],
  ): boolean {
    const { problem, order } = this;
    if (depth === order.length) {
      this.offer(inOrderOfClasses(order, taken));
      return true;
    }
    if (++this.nodes > this.most || (this.nodes % 4096 === 0 && performance.now() > this.deadline))
      return false;
    const { choices } = problem.classes[order[depth]!]!;
    const branches = choices.flatMap(({ costs }, c) => {
      const left = rest.map((value, k) => value - costs[k]!);
      if (left.some((value, k) => value < (this.least[depth + 1]?.[k] ?? 0))) return [];
      const loss = settled + losses[depth]![c]!;
      const own = this.withChoice(depth, c, losses);
      return [{ c, left, loss, own, bound: this.boundAt(depth + 1, loss, own, left) }];
    });
    branches.sort((a, b) => a.bound - b.bound);
    let isWhole = true;
    for (const { c, left, loss, own, bound } of branches) {
      if (bound >= this.bestLoss - this.resolution) break;
      isWhole = this.visit(depth + 1, loss, own, left, [...taken, c]) && isWhole;
    }
    return isWhole;
  }

  /** Losses of the choices that are open behind a depth, with what they lose together with the choice there. */
  private withChoice(depth: number, choice: number, losses: readonly Float64Array[]): Float64Array[] {
    return losses.map((own, place) => {
      const pair = place > depth ? this.pairs[depth]![place] : undefined;
      return pair === undefined ? own : own.map((value, c) => value + pair[choice]![c]!);
    });
  }

  private boundAt(
    depth: number,
    settled: number,
    losses: readonly Float64Array[],
    rest: Float64Array,
  ): number {
    let bound = settled - this.prices.reduce((sum, price, k) => sum + price * rest[k]!, 0);
    if (depth === this.order.length) return settled;
    for (let place = depth; place < losses.length; place++) {
      const [own, open] = [losses[place]!, this.open[depth]![place]!];
      let least = Infinity;
      for (let c = 0; c < own.length; c++) least = Math.min(least, own[c]! + open[c]!);
      bound += least;
    }
    return bound;
  }

  /** Half of the least that each choice of a class loses with every other open class. */
  private halves(depth: number, place: number): Float64Array {
    const { choices } = this.problem.classes[this.order[place]!]!;
    return Float64Array.from(choices, (_, c) => {
      let sum = 0;
      for (let other = depth; other < this.order.length; other++) {
        const pair = other === place ? undefined : this.pairs[place]![other];
        if (pair !== undefined) sum += Math.min(...pair[c]!) / 2;
      }
      return sum;
    });
  }

  private priceOf(place: number, choice: number): number {
    const { costs } = this.problem.classes[this.order[place]!]!.choices[choice]!;
    return this.prices.reduce((sum, price, k) => sum + price * costs[k]!, 0);
  }

  /** Prices of the limits in the linear problem of the root's bound. */
  private rootPrices(halves: readonly Float64Array[]): Float64Array {
    const { classes, limits } = this.problem;
    const linear = {
      classes: this.order.map((i, place) => ({
        ...classes[i]!,
        choices: classes[i]!.choices.map((own, c) => ({ ...own, loss: own.loss + halves[place]![c]! })),
      })),
      limits,
    };
    const instance = instanceOf(linear);
    return branchAndBound(instance, { nodes: 1 }).prices.map((price) => Math.max(0, price * instance.unit));
  }

  /** The best choices without pairs, improved by changes of one or two classes. */
  private linearStart(): number[] | undefined {
    const { problem } = this;
    const instance = instanceOf({ classes: problem.classes, limits: problem.limits });
    const { taken } = branchAndBound(instance, { nodes: 2000 });
    if (taken === undefined) return undefined;
    const choices = problem.classes.map((_, i) => instance.origin[taken[i]!]!);
    for (;;) {
      const better = this.neighbour(choices);
      if (better === undefined) return choices;
      for (const [i, c] of better) choices[i] = c;
    }
  }

  /** The first change of one or two classes that lowers the loss within the limits. */
  private neighbour(choices: readonly number[]): readonly (readonly [number, number])[] | undefined {
    const { problem, resolution } = this;
    const all = problem.classes.flatMap((own, i) => own.choices.map((_, c) => [i, c] as const));
    const most = totalsOf(problem, choices).loss - resolution;
    const isBetter = (changes: readonly (readonly [number, number])[]) => {
      const own = [...choices];
      for (const [i, c] of changes) own[i] = c;
      return isFeasible(problem, own) && totalsOf(problem, own).loss < most;
    };
    for (const [at, first] of all.entries()) {
      if (isBetter([first])) return [first];
      for (const second of all.slice(at + 1)) {
        if (second[0] !== first[0] && isBetter([first, second])) return [first, second];
      }
    }
    return undefined;
  }

  private offer(choices: readonly number[] | undefined): void {
    if (choices === undefined || !isFeasible(this.problem, choices)) return;
    const { loss } = totalsOf(this.problem, choices);
    if (loss >= this.bestLoss) return;
    this.bestLoss = loss;
    this.best = [...choices];
  }
}

function inOrderOfClasses(order: readonly number[], taken: readonly number[]): number[] {
  const choices: number[] = [];
  order.forEach((i, place) => {
    choices[i] = taken[place]!;
  });
  return choices;
}

function leastCost({ classes }: Problem, i: number, k: number): number {
  return Math.min(...classes[i]!.choices.map(({ costs }) => costs[k]!));
}

function pairsByPlace({ pairs = [] }: Problem, order: readonly number[]): (Float64Array[] | undefined)[][] {
  const found = order.map(() => order.map((): Float64Array[] | undefined => undefined));
  const place = new Map(order.map((i, at) => [i, at]));
  for (const { classes, losses } of pairs) {
    const [a, b] = classes.map((i) => place.get(i)!) as [number, number];
    found[a]![b] = losses.map((row) => Float64Array.from(row));
    found[b]![a] = losses[0]!.map((_, c) => Float64Array.from(losses, (row) => row[c]!));
  }
  return found;
}
