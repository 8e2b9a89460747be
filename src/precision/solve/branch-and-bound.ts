// Our own exact solver, small enough for a browser: best first, with dives, on the linear relaxation.
import { Incumbent } from "./incumbent.ts";
import { classCount, type Instance, tightened, twins } from "./instance.ts";
import { type Basis, Relaxation, type Relaxed } from "./relaxation.ts";

/** Losses are integers, so what is not better by nearly one is not better; the rest is for the rounding of float64. */
const BETTER = 1 - 2 ** -6;
const EPSILON = 1e-7;
/** Every branch of the first ones, then one in as many, is searched around for solutions. */
const ROUNDED_BRANCHES = 16;

export interface SearchLimits {
  /** Branches at most, default 100,000: a count, so that every machine gives the same answer. */
  readonly nodes?: number;
  /** Checked now and then; the best so far is returned with its gap. Makes answers depend on the machine. */
  readonly seconds?: number;
}

export interface Searched {
  /** One choice a class, indices of the instance; undefined where nothing feasible was found. */
  readonly taken: Int32Array | undefined;
  /** No solution has a smaller loss, in integer units; Infinity where none is feasible. */
  readonly bound: number;
  /** Prices of the limits in the relaxation of the whole problem. */
  readonly prices: Float64Array;
  readonly nodes: number;
}

/** A part of the problem: the parent's, with the choices in [from, to) forbidden. */
interface Branch {
  readonly parent: Branch | undefined;
  readonly from: number;
  readonly to: number;
  readonly bound: number;
  readonly basis: Basis | undefined;
}

/** Choices [from, middle) of a class against [middle, to). */
interface Split {
  readonly from: number;
  readonly middle: number;
  readonly to: number;
  readonly lowFirst: boolean;
}

/** Least loss within the limits, or the best found and the bound that is left. */
export function branchAndBound(instance: Instance, limits: SearchLimits = {}, start?: Int32Array): Searched {
  return new Search(instance, limits).run(start);
}

class Search {
  private readonly instance: Instance;
  private readonly divisors: Float64Array;
  private readonly twins: readonly (readonly number[])[];
  private readonly relaxation: Relaxation;
  private readonly incumbent: Incumbent;
  private readonly open = new Heap();
  private readonly most: number;
  private readonly deadline: number;
  /** Choices that no better solution takes, whatever the branch. */
  private readonly useful: Uint8Array;
  private prices: Float64Array;
  private nodes = 0;

  constructor(whole: Instance, { nodes = 100_000, seconds = Infinity }: SearchLimits) {
    const { instance, divisors } = tightened(whole);
    this.instance = instance;
    this.divisors = divisors;
    this.twins = twins(instance);
    this.relaxation = new Relaxation(instance);
    this.incumbent = new Incumbent(instance, this.relaxation.owner);
    this.useful = new Uint8Array(instance.loss.length).fill(1);
    this.prices = new Float64Array(instance.limits.length);
    this.most = nodes;
    this.deadline = performance.now() + seconds * 1000;
  }

  run(start?: Int32Array): Searched {
    if (start !== undefined) this.incumbent.offer(start);
    this.open.push({ parent: undefined, from: 0, to: 0, bound: -Infinity, basis: undefined });
    let bound = Infinity;
    for (let branch = this.open.pop(); branch !== undefined; branch = this.open.pop()) {
      if (branch.bound > this.incumbent.loss - BETTER) break;
      if (this.nodes >= this.most || performance.now() > this.deadline) {
        bound = Math.ceil(branch.bound - EPSILON);
        break;
      }
      this.dive(branch);
    }
    const { taken, loss } = this.incumbent;
    const proven = taken === undefined ? bound : Math.min(bound, loss);
    return { taken, bound: proven, prices: this.prices, nodes: this.nodes };
  }

  /** Follows a branch down, leaving its siblings open, until it ends. */
  private dive(branch: Branch): void {
    for (let next: Branch | undefined = branch; next !== undefined; ) {
      this.nodes++;
      const children = this.expand(next);
      next = children?.[0];
      if (children?.[1] !== undefined) this.open.push(children[1]);
      if (next !== undefined && this.nodes >= this.most) {
        this.open.push(next);
        return;
      }
    }
  }

  /** Both halves of a branch, the more promising first; none where it cannot hold anything better. */
  private expand(branch: Branch): readonly [Branch, Branch] | undefined {
    const allowed = this.allowedIn(branch);
    if (!this.propagate(allowed)) return undefined;
    const relaxed = this.relaxation.solve(allowed, branch.basis);
    if (branch.parent === undefined)
      this.prices = relaxed.prices.map((price, k) => price / this.divisors[k]!);
    const bound = Math.max(branch.bound, relaxed.bound);
    if (this.nodes <= ROUNDED_BRANCHES || this.nodes % ROUNDED_BRANCHES === 0) this.round(relaxed);
    else this.incumbent.offer(relaxed.basis.keys);
    if (bound > this.incumbent.loss - BETTER) return undefined;
    this.forbidPoor(allowed, relaxed, branch.parent === undefined);
    const split = this.splitOf(allowed, relaxed);
    if (split === undefined) return undefined;
    const { from, middle, to } = split;
    const half = (start: number, end: number): Branch => ({
      parent: branch,
      from: start,
      to: end,
      bound,
      basis: relaxed.basis,
    });
    const [low, high] = [half(middle, to), half(from, middle)];
    return split.lowFirst ? [low, high] : [high, low];
  }

  private allowedIn(branch: Branch): Uint8Array {
    const allowed = this.useful.slice();
    for (let own: Branch | undefined = branch; own !== undefined; own = own.parent)
      allowed.fill(0, own.from, own.to);
    return allowed;
  }

  /** Forbids what exceeds a limit even with the cheapest of everything else; false where nothing is left of a class. */
  private propagate(allowed: Uint8Array): boolean {
    const { first, cost, limits } = this.instance;
    const [n, m] = [classCount(this.instance), limits.length];
    const least = new Float64Array(n);
    for (let k = 0; k < m; k++) {
      let rest = limits[k]!;
      for (let i = 0; i < n; i++) {
        least[i] = Infinity;
        for (let c = first[i]!; c < first[i + 1]!; c++) {
          if (allowed[c] === 1 && cost[c * m + k]! < least[i]!) least[i] = cost[c * m + k]!;
        }
        rest -= least[i]!;
      }
      if (!(rest >= 0)) return false;
      for (let i = 0; i < n; i++) {
        for (let c = first[i]!; c < first[i + 1]!; c++) {
          if (cost[c * m + k]! - least[i]! > rest) allowed[c] = 0;
        }
      }
    }
    for (const group of this.twins) this.forbidSwapped(allowed, group);
    return !least.some((_, i) => {
      const left = allowed.indexOf(1, first[i]!);
      return left < 0 || left >= first[i + 1]!;
    });
  }

  /** Of classes that could change places at no cost: forbids what would gain by a change with one that is settled. */
  private forbidSwapped(allowed: Uint8Array, group: readonly number[]): void {
    const { first, loss } = this.instance;
    for (const i of group) {
      const [start, size] = [first[i]!, first[i + 1]! - first[i]!];
      const own = allowed.subarray(start, start + size);
      const settled = own.indexOf(1);
      if (settled < 0 || own.indexOf(1, settled + 1) >= 0) continue;
      for (const j of group) {
        const other = first[j]!;
        const kept = loss[start + settled]! - loss[other + settled]!;
        for (let c = 0; c < size && j !== i; c++) {
          if (loss[start + c]! - loss[other + c]! < kept) allowed[other + c] = 0;
        }
      }
    }
  }

  /** Candidates around a relaxed solution: keys, and the other basic choices in their place. */
  private round({ basis: { keys, columns }, shares, prices }: Relaxed): void {
    const { owner } = this.relaxation;
    const basic = Array.from(columns).filter((column, t) => column < owner.length && shares[t]! > EPSILON);
    const rounds = Math.min(2 ** basic.length, 64);
    for (let pattern = 0; pattern < rounds; pattern++) {
      const candidate = keys.slice();
      basic.forEach((choice, t) => {
        if ((pattern >> t) & 1) candidate[owner[choice]!] = choice;
      });
      this.incumbent.offer(candidate);
    }
    this.incumbent.offerRepaired(keys, prices);
  }

  /** Forbids choices whose reduced loss lifts the bound to the best solution. */
  private forbidPoor(allowed: Uint8Array, { bound, prices }: Relaxed, everywhere: boolean): void {
    const { first, cost, loss, limits } = this.instance;
    const m = limits.length;
    const reduced = loss.map((value, c) => {
      let sum = value;
      for (let k = 0; k < m; k++) sum += prices[k]! * cost[c * m + k]!;
      return sum;
    });
    for (let i = 0; i < classCount(this.instance); i++) {
      let least = Infinity;
      for (let c = first[i]!; c < first[i + 1]!; c++)
        if (allowed[c] === 1 && reduced[c]! < least) least = reduced[c]!;
      for (let c = first[i]!; c < first[i + 1]!; c++) {
        if (bound + reduced[c]! - least <= this.incumbent.loss - BETTER) continue;
        allowed[c] = 0;
        if (everywhere) this.useful[c] = 0;
      }
    }
  }

  /** The class whose mixture weighs most, cut at its mean place in the order of losses; undefined where all is settled. */
  private splitOf(allowed: Uint8Array, { basis: { keys, columns }, shares }: Relaxed): Split | undefined {
    const { loss } = this.instance;
    const { owner } = this.relaxation;
    let [best, most]: [Split | undefined, number] = [undefined, EPSILON];
    for (const column of columns) {
      if (column >= owner.length) continue;
      const i = owner[column]!;
      const key = keys[i]!;
      let [mean, weight] = [key, 0];
      columns.forEach((other, t) => {
        if (other >= owner.length || owner[other] !== i) return;
        mean += shares[t]! * (other - key);
        weight += Math.min(shares[t]!, 1 - shares[t]!) * (Math.abs(loss[other]! - loss[key]!) + 1);
      });
      const split = weight > most ? this.cut(allowed, i, mean) : undefined;
      if (split !== undefined) [best, most] = [split, weight];
    }
    if (best !== undefined) return best;
    // Whole but not feasible in integers, or not feasible at all: any class that is still open.
    for (let i = 0; i < keys.length && best === undefined; i++) best = this.cut(allowed, i, keys[i]!);
    return best;
  }

  /** Two halves of class i around a place, with something allowed in both; undefined where it has one choice left. */
  private cut(allowed: Uint8Array, i: number, mean: number): Split | undefined {
    const [from, to] = [this.instance.first[i]!, this.instance.first[i + 1]!];
    const own = allowed.subarray(from, to);
    const [lowest, highest] = [from + own.indexOf(1), from + own.lastIndexOf(1)];
    if (lowest === highest) return undefined;
    const middle = Math.min(Math.max(Math.floor(mean) + 1, lowest + 1), highest);
    return { from, middle, to, lowFirst: mean - Math.floor(mean) < 0.5 };
  }
}

/** Open branches, the least bound on top. */
class Heap {
  private readonly items: Branch[] = [];

  push(branch: Branch): void {
    const { items } = this;
    let at = items.push(branch) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (items[up]!.bound <= branch.bound) break;
      items[at] = items[up]!;
      at = up;
    }
    items[at] = branch;
  }

  pop(): Branch | undefined {
    const { items } = this;
    const [top, last] = [items[0], items.pop()];
    if (items.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.bound < items[child]!.bound) child++;
      if (items[child]!.bound >= last.bound) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
