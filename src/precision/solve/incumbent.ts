// The best solution so far, and what makes better ones of those that a search stumbles on.
import { classCount, type Instance } from "./instance.ts";

/** Share of a limit by which a repair must come closer: above the rounding of float64, so that it ends. */
const LEAST_GAIN = 1e-9;
/** Pairs of choices that a pairwise exchange may look at. */
const PAIR_BUDGET = 2_000_000;

export class Incumbent {
  /** One choice a class; undefined while nothing feasible is known. */
  taken: Int32Array | undefined;
  /** Its loss; one more than any solution has while there is none. */
  loss: number;
  private readonly instance: Instance;
  private readonly owner: Int32Array;

  constructor(instance: Instance, owner: Int32Array) {
    this.instance = instance;
    this.owner = owner;
    this.loss = 1;
    for (let i = 0; i < classCount(instance); i++) {
      this.loss += instance.loss
        .subarray(instance.first[i]!, instance.first[i + 1]!)
        .reduce((a, b) => Math.max(a, b));
    }
  }

  /** Takes a candidate over where it is feasible and, improved by exchanges, better. */
  offer(candidate: Int32Array): void {
    const slack = this.slackOf(candidate);
    for (const rest of slack) if (rest < 0) return;
    const taken = candidate.slice();
    this.improve(taken, slack);
    const loss = taken.reduce((sum, choice) => sum + this.instance.loss[choice]!, 0);
    if (loss >= this.loss) return;
    do this.improve(taken, slack);
    while (this.exchangePair(taken, slack));
    this.taken = taken;
    this.loss = taken.reduce((sum, choice) => sum + this.instance.loss[choice]!, 0);
  }

  /** As `offer`; an infeasible candidate first gives up, choice by choice, what costs least loss for what it exceeds. */
  offerRepaired(candidate: Int32Array, prices: Float64Array): void {
    const { instance, owner } = this;
    const { limits, cost, loss } = instance;
    const m = limits.length;
    const taken = candidate.slice();
    const slack = this.slackOf(taken);
    const exceeded = () =>
      slack.reduce((sum, rest, k) => sum + Math.max(0, -rest) / (Math.abs(limits[k]!) + 1), 0);
    for (let excess = exceeded(); excess > 0; ) {
      let [best, least] = [-1, Infinity];
      for (let c = 0; c < loss.length; c++) {
        const old = taken[owner[c]!]!;
        let [gain, price] = [0, loss[c]! - loss[old]!];
        for (let k = 0; k < m; k++) {
          const more = cost[c * m + k]! - cost[old * m + k]!;
          const [before, after] = [Math.max(0, -slack[k]!), Math.max(0, more - slack[k]!)];
          gain += (before - after) / (Math.abs(limits[k]!) + 1);
          price += prices[k]! * more;
        }
        if (gain <= LEAST_GAIN) continue;
        const value = Math.max(price, 1e-9) / gain;
        if (value < least) [best, least] = [c, value];
      }
      if (best < 0) return;
      this.exchange(taken, slack, best);
      excess = exceeded();
    }
    this.offer(taken);
  }

  private slackOf(taken: Int32Array): Float64Array {
    const { limits, cost } = this.instance;
    const m = limits.length;
    const slack = limits.slice();
    for (const choice of taken) for (let k = 0; k < m; k++) slack[k]! -= cost[choice * m + k]!;
    return slack;
  }

  private exchange(taken: Int32Array, slack: Float64Array, choice: number): void {
    const { cost, limits } = this.instance;
    const m = limits.length;
    const old = taken[this.owner[choice]!]!;
    for (let k = 0; k < m; k++) slack[k]! -= cost[choice * m + k]! - cost[old * m + k]!;
    taken[this.owner[choice]!] = choice;
  }

  /** The exchange of one choice that gains most, while there is any. */
  private improve(taken: Int32Array, slack: Float64Array): void {
    const { loss } = this.instance;
    for (;;) {
      let [best, most] = [-1, 0];
      for (let c = 0; c < loss.length; c++) {
        const gain = loss[taken[this.owner[c]!]!]! - loss[c]!;
        if (gain > most && this.fits(taken, slack, c)) [best, most] = [c, gain];
      }
      if (best < 0) return;
      this.exchange(taken, slack, best);
    }
  }

  private fits(taken: Int32Array, slack: Float64Array, choice: number): boolean {
    const { cost, limits } = this.instance;
    const m = limits.length;
    const old = taken[this.owner[choice]!]!;
    for (let k = 0; k < m; k++) if (cost[choice * m + k]! - cost[old * m + k]! > slack[k]!) return false;
    return true;
  }

  /** The first exchange of two choices that gains and fits; whether there was one. */
  private exchangePair(taken: Int32Array, slack: Float64Array): boolean {
    const { loss } = this.instance;
    if (loss.length ** 2 > PAIR_BUDGET) return false;
    for (let a = 0; a < loss.length; a++) {
      const worse = loss[a]! - loss[taken[this.owner[a]!]!]!;
      if (worse <= 0) continue;
      for (let b = 0; b < loss.length; b++) {
        const gain = loss[taken[this.owner[b]!]!]! - loss[b]! - worse;
        if (gain <= 0 || this.owner[a] === this.owner[b] || !this.fitsPair(taken, slack, a, b)) continue;
        this.exchange(taken, slack, a);
        this.exchange(taken, slack, b);
        return true;
      }
    }
    return false;
  }

  private fitsPair(taken: Int32Array, slack: Float64Array, a: number, b: number): boolean {
    const { cost, limits } = this.instance;
    const m = limits.length;
    const [oldA, oldB] = [taken[this.owner[a]!]!, taken[this.owner[b]!]!];
    for (let k = 0; k < m; k++) {
      const more = cost[a * m + k]! - cost[oldA * m + k]! + cost[b * m + k]! - cost[oldB * m + k]!;
      if (more > slack[k]!) return false;
    }
    return true;
  }
}
