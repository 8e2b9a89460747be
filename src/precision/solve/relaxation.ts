// The linear relaxation: classes may mix their choices. Solved by the simplex method with generalized upper bounds
// (Dantzig and Van Slyke 1967): a class has one key choice that makes up its whole, and only a square of as many
// columns as there are limits is ever inverted.
import { classCount, type Instance } from "./instance.ts";

/** Penalties, in units of the largest loss, of a choice that a branch forbids and of a limit that is exceeded. */
const FORBIDDEN = 4;
const EXCEEDED = 1e4;
const EPSILON = 1e-9;
/** Steps without progress before the rule that cannot cycle (Bland 1977). */
const STALLED = 40;

/** Where a search starts: the key of every class, and what fills the working basis, one entry a limit. */
export interface Basis {
  readonly keys: Int32Array;
  /** A choice; count + k is the slack of limit k, count + m + k its excess. */
  readonly columns: Int32Array;
}

export interface Relaxed {
  /** No integer solution of allowed choices has less: valid whatever the simplex method did. */
  readonly bound: number;
  /** Price of every limit in loss per unit of cost, not negative. */
  readonly prices: Float64Array;
  readonly basis: Basis;
  /** Shares of the choices in the working basis, in its order. */
  readonly shares: Float64Array;
}

export class Relaxation {
  private readonly instance: Instance;
  private readonly n: number;
  private readonly m: number;
  private readonly count: number;
  /** Class of every choice. */
  readonly owner: Int32Array;
  private readonly loss: Float64Array;
  private readonly cost: Float64Array;
  private readonly limits: Float64Array;
  private readonly rowScale: Float64Array;
  private readonly lossScale: number;
  // The state of a solve.
  private keys = new Int32Array(0);
  private columns = new Int32Array(0);
  private readonly inverse: Float64Array;
  private readonly work: Float64Array;
  private readonly shares: Float64Array;
  private readonly prices: Float64Array;
  private readonly direction: Float64Array;
  private allowed: Uint8Array = new Uint8Array(0);

  constructor(instance: Instance) {
    const { first, loss, cost, limits } = instance;
    this.instance = instance;
    this.n = classCount(instance);
    this.m = limits.length;
    this.count = loss.length;
    this.owner = new Int32Array(this.count);
    for (let i = 0; i < this.n; i++) this.owner.fill(i, first[i]!, first[i + 1]!);
    this.lossScale = loss.reduce((a, b) => Math.max(a, b), 1);
    this.rowScale = limits.map((_, k) => {
      let largest = 1;
      for (let c = k; c < cost.length; c += this.m) largest = Math.max(largest, Math.abs(cost[c]!));
      return largest;
    });
    this.loss = loss.map((value) => value / this.lossScale);
    this.cost = cost.map((value, i) => value / this.rowScale[i % this.m]!);
    this.limits = limits.map((value, k) => value / this.rowScale[k]!);
    this.inverse = new Float64Array(this.m * this.m);
    this.work = new Float64Array(this.m * this.m);
    this.shares = new Float64Array(this.m);
    this.prices = new Float64Array(this.m);
    this.direction = new Float64Array(this.m);
  }

  /** @param allowed 1 for every choice that may be taken; at least one a class */
  solve(allowed: Uint8Array, start?: Basis): Relaxed {
    this.allowed = allowed;
    if (start === undefined || !this.restore(start)) this.reset();
    this.iterate();
    const prices = this.prices.map((price) => Math.max(0, -price));
    return {
      bound: this.lagrangian(prices) * this.lossScale,
      prices: prices.map((price, k) => (price * this.lossScale) / this.rowScale[k]!),
      basis: { keys: this.keys.slice(), columns: this.columns.slice() },
      shares: this.shares.slice(),
    };
  }

  private restore({ keys, columns }: Basis): boolean {
    this.keys = keys.slice();
    this.columns = columns.slice();
    return this.factor();
  }

  /** Every class at its least loss; limits that this exceeds start with their excess. */
  private reset(): void {
    const { instance, n, m, count } = this;
    this.keys = Int32Array.from({ length: n }, (_, i) => {
      let best = -1;
      for (let c = instance.first[i]!; c < instance.first[i + 1]!; c++) {
        if (this.allowed[c] === 1 && (best < 0 || this.loss[c]! < this.loss[best]!)) best = c;
      }
      return best;
    });
    const rest = this.remaining();
    this.columns = Int32Array.from({ length: m }, (_, k) => count + k + (rest[k]! < 0 ? m : 0));
    this.factor();
  }

  private iterate(): void {
    let [stalled, last] = [0, Infinity];
    for (let step = 0; step < 20 * (this.n + this.m) + 200; step++) {
      const objective = this.price();
      stalled = objective < last - EPSILON ? 0 : stalled + 1;
      last = objective;
      const entering = this.entering(stalled > STALLED);
      if (entering < 0 || !this.exchange(entering, stalled > STALLED)) return;
    }
  }

  /** What the keys leave of every limit. */
  private remaining(): Float64Array {
    const { m } = this;
    const rest = this.limits.slice();
    for (const key of this.keys) for (let k = 0; k < m; k++) rest[k]! -= this.cost[key * m + k]!;
    return rest;
  }

  /** Loss of a column: of a choice beyond its key's, and none of a slack. */
  private lossOf(column: number): number {
    const { count, m } = this;
    if (column >= count) return column < count + m ? 0 : EXCEEDED;
    return this.choiceLoss(column) - this.choiceLoss(this.keys[this.owner[column]!]!);
  }

  private choiceLoss(choice: number): number {
    return this.loss[choice]! + (this.allowed[choice] === 1 ? 0 : FORBIDDEN);
  }

  private entry(column: number, k: number): number {
    const { count, m, cost } = this;
    if (column < count) return cost[column * m + k]! - cost[this.keys[this.owner[column]!]! * m + k]!;
    if (column < count + m) return column - count === k ? 1 : 0;
    return column - count - m === k ? -1 : 0;
  }

  /** Inverts the working basis by Gauss and Jordan; false where it is singular. */
  private factor(): boolean {
    const { m, work, inverse } = this;
    for (let k = 0; k < m; k++) {
      for (let t = 0; t < m; t++) {
        work[k * m + t] = this.entry(this.columns[t]!, k);
        inverse[k * m + t] = k === t ? 1 : 0;
      }
    }
    for (let t = 0; t < m; t++) {
      let pivot = t;
      for (let k = t + 1; k < m; k++) {
        if (Math.abs(work[k * m + t]!) > Math.abs(work[pivot * m + t]!)) pivot = k;
      }
      const size = work[pivot * m + t]!;
      if (Math.abs(size) < 1e-11) return false;
      for (const matrix of [work, inverse]) {
        for (let j = 0; j < m; j++) {
          const kept = matrix[t * m + j]!;
          matrix[t * m + j] = matrix[pivot * m + j]! / size;
          if (pivot !== t) matrix[pivot * m + j] = kept;
        }
      }
      for (let k = 0; k < m; k++) {
        const share = k === t ? 0 : work[k * m + t]!;
        if (share === 0) continue;
        for (let j = 0; j < m; j++) {
          work[k * m + j]! -= share * work[t * m + j]!;
          inverse[k * m + j]! -= share * inverse[t * m + j]!;
        }
      }
    }
    return true;
  }

  /** Shares of the working basis and prices of the limits; returns the objective. */
  private price(): number {
    const { m, inverse, shares, prices, columns } = this;
    const rest = this.remaining();
    let objective = 0;
    for (const key of this.keys) objective += this.choiceLoss(key);
    prices.fill(0);
    for (let t = 0; t < m; t++) {
      let share = 0;
      const loss = this.lossOf(columns[t]!);
      for (let k = 0; k < m; k++) {
        share += inverse[t * m + k]! * rest[k]!;
        prices[k]! += loss * inverse[t * m + k]!;
      }
      shares[t] = share;
      objective += share * loss;
    }
    return objective;
  }

  /** The column that gains most a unit, or the first that gains; -1 at the optimum. */
  private entering(takeFirst: boolean): number {
    const { n, m, count, prices, cost, instance } = this;
    let [best, most] = [-1, -EPSILON];
    for (let i = 0; i < n; i++) {
      const key = this.keys[i]!;
      let own = this.choiceLoss(key);
      for (let k = 0; k < m; k++) own -= prices[k]! * cost[key * m + k]!;
      for (let c = instance.first[i]!; c < instance.first[i + 1]!; c++) {
        if (this.allowed[c] === 0 || c === key) continue;
        let gain = this.loss[c]! - own;
        for (let k = 0; k < m; k++) gain -= prices[k]! * cost[c * m + k]!;
        if (gain >= most) continue;
        if (takeFirst) return c;
        [best, most] = [c, gain];
      }
    }
    for (let k = 0; k < m; k++) {
      if (-prices[k]! < most) [best, most] = [count + k, -prices[k]!];
    }
    return best;
  }

  /** Brings a column in and another out; false where nothing stands in its way or the basis breaks. */
  private exchange(entering: number, takeFirst: boolean): boolean {
    const { m, count, inverse, direction, shares, columns, owner } = this;
    for (let t = 0; t < m; t++) {
      direction[t] = 0;
      for (let k = 0; k < m; k++) direction[t]! += inverse[t * m + k]! * this.entry(entering, k);
    }
    let [leaving, least, keyLeaves] = [-1, Infinity, false];
    const consider = (at: number, share: number, rate: number, isKey: boolean) => {
      if (rate <= EPSILON) return;
      const ratio = Math.max(0, share) / rate;
      if (ratio < least - (takeFirst ? 0 : 1e-12)) [leaving, least, keyLeaves] = [at, ratio, isKey];
    };
    for (let t = 0; t < m; t++) consider(t, shares[t]!, direction[t]!, false);
    const touched = new Set<number>();
    if (entering < count) touched.add(owner[entering]!);
    for (const column of columns) if (column < count) touched.add(owner[column]!);
    for (const i of touched) {
      let [share, rate] = [1, entering < count && owner[entering] === i ? 1 : 0];
      for (let t = 0; t < m; t++) {
        if (columns[t]! >= count || owner[columns[t]!] !== i) continue;
        share -= shares[t]!;
        rate -= direction[t]!;
      }
      consider(i, share, rate, true);
    }
    if (leaving < 0) return false;
    if (!keyLeaves) columns[leaving] = entering;
    else this.replaceKey(leaving, entering);
    return this.factor();
  }

  /** The key of a class leaves: another of its basic choices becomes key, or the entering one does. */
  private replaceKey(i: number, entering: number): void {
    const { m, count, columns, owner } = this;
    let basic = -1;
    for (let t = 0; t < m; t++) {
      const isOwn = columns[t]! < count && owner[columns[t]!] === i;
      if (isOwn && (basic < 0 || this.shares[t]! > this.shares[basic]!)) basic = t;
    }
    if (basic < 0) {
      this.keys[i] = entering;
      return;
    }
    this.keys[i] = columns[basic]!;
    columns[basic] = entering;
  }

  /** The relaxation's dual function: a bound for any prices that are not negative. */
  private lagrangian(prices: Float64Array): number {
    const { n, m, cost, instance } = this;
    let sum = 0;
    for (let k = 0; k < m; k++) sum -= prices[k]! * this.limits[k]!;
    for (let i = 0; i < n; i++) {
      let least = Infinity;
      for (let c = instance.first[i]!; c < instance.first[i + 1]!; c++) {
        if (this.allowed[c] === 0) continue;
        let value = this.loss[c]!;
        for (let k = 0; k < m; k++) value += prices[k]! * cost[c * m + k]!;
        if (value < least) least = value;
      }
      sum += least;
    }
    return sum;
  }
}
