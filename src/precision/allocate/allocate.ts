// allocate: the widths with the least loss within a budget, and the proof.
import { DyadicError } from "../../error.ts";
import type { Prediction } from "../cost/latency.ts";
import type { NetworkCost, Widths } from "../cost/network.ts";
import {
  type Certificate,
  type Infeasible,
  type Solution,
  type SolveOptions,
  solve,
} from "../solve/index.ts";
import type { Pair } from "../solve/problem.ts";
import { boundCut, choiceCut, type Row, wideCut } from "./arena-limit.ts";
import { type Budget, latencyOf, problemOf, type RowOptions } from "./knapsack.ts";
import { leastRam, leastWeightBytes, refusal } from "./smallest.ts";
import { type Space, widthsOf } from "./space.ts";

export interface AllocateOptions extends SolveOptions, RowOptions {
  /** What layers lose together. */
  readonly pairs?: readonly Pair[];
  /** Bytes of the file that these widths would give, to the byte; needed where flash is limited. */
  fileBytes?(widths: Widths, certificate: Certificate): number;
}

/** The widths that were chosen. */
export interface Allocation {
  readonly widths: Widths;
  readonly choices: readonly number[];
  /** Of the problem as it was solved last. Its bound holds for all files whose other sections are as long as this one's. */
  readonly certificate: Certificate;
  /** Of the layers' weights, biases and multipliers. */
  readonly weightBytes: number;
  /** Of the file; undefined where nothing could tell. */
  readonly fileBytes: number | undefined;
  readonly peakBytes: number;
  /** By the latency table, where latency is limited. */
  readonly latency: Prediction | undefined;
  /** How often the planner was asked. */
  readonly rounds: number;
}

/** How often the planner may say no before what is at least as wide as its noes is taken for as large. */
const CUT_ROUNDS = 16;
const ROUNDS = 80;

/**
 * Least loss within the budget. The solver knows nothing of the arena; where the planner finds no plan for its answer,
 * the widths that no plan fits are cut off, or that answer; where this takes long, all that is as wide where that answer
 * is too large is cut off with it, and the gap of the certificate says what that may cost. Throws NO_POLICY with the
 * smallest budget that would do.
 *
 * @param losses of every choice of every class of the space
 */
export async function allocate(
  space: Space,
  cost: NetworkCost,
  losses: readonly (readonly number[])[],
  budget: Budget,
  options: AllocateOptions = {},
): Promise<Allocation> {
  return new Search(space, cost, losses, budget, options).run();
}

type Reserve = Required<Omit<Budget, "ram">>;

/** What an answer takes of every limit. */
interface Used {
  readonly flash: number | undefined;
  readonly ram: number;
  readonly latency: Prediction | undefined;
}

class Search {
  private readonly space: Space;
  private readonly cost: NetworkCost;
  private readonly losses: readonly (readonly number[])[];
  private readonly budget: Budget;
  private readonly options: AllocateOptions;
  private readonly cuts: Row[] = [];
  /** What the solver may not use: of flash all that is not weights, of the others what it could not know of. */
  private readonly reserve = { flash: 0, latency: 0 };
  /** What the planner has a plan for, once cuts are made around it without proof. */
  private fitting: readonly number[] | undefined;
  private isSmallest = false;
  private bound = -Infinity;

  constructor(
    space: Space,
    cost: NetworkCost,
    losses: readonly (readonly number[])[],
    budget: Budget,
    options: AllocateOptions,
  ) {
    this.space = space;
    this.cost = cost;
    this.losses = losses;
    this.budget = budget;
    this.options = options;
  }

  async run(): Promise<Allocation> {
    const { space, cost, reserve } = this;
    for (let rounds = 1; rounds <= ROUNDS; rounds++) {
      const answer = await this.solve(reserve);
      if (!answer.feasible) {
        if (await this.trySmallest()) continue;
        throw await this.refusal();
      }
      const { choices, certificate } = answer;
      if (this.fitting === undefined && reserve.latency === 0) this.bound = certificate.bound;
      const widths = widthsOf(space, choices);
      let used = this.used(widths, this.proven(certificate));
      if (this.fits(used)) {
        await this.loosen(widths, used);
        used = this.used(widths, this.proven(certificate));
      }
      if (!this.fits(used)) {
        if (!(await this.learn(choices, widths, used, rounds)) && !(await this.trySmallest())) {
          throw await this.refusal();
        }
        continue;
      }
      const proven = this.proven(certificate);
      return {
        widths,
        choices,
        certificate: { ...proven, limits: withUsed(proven.limits, used) },
        weightBytes: cost.totalWeightBytes(widths),
        fileBytes: used.flash,
        peakBytes: used.ram,
        latency: used.latency,
        rounds,
      };
    }
    throw new DyadicError("NO_POLICY", "no policy was found whose arena the planner packs into the budget", {
      expected: `at most ${this.budget.ram} bytes of RAM`,
      hint: "a little more RAM, or fewer widths to choose from",
    });
  }

  private solve(reserve: Reserve): Promise<Solution | Infeasible> {
    const { space, cost, losses, budget, cuts, options } = this;
    const problem = problemOf(space, cost, losses, reduced(budget, reserve), cuts, options);
    return solve({ ...problem, pairs: options.pairs ?? [] }, options);
  }

  private proven(certificate: Certificate): Certificate {
    const gap = Math.max(0, certificate.loss - this.bound);
    return { ...certificate, bound: this.bound, gap, limits: mergedLimits(certificate.limits, this.budget) };
  }

  private used(widths: Widths, certificate: Certificate): Used {
    const { cost, budget, options } = this;
    return {
      flash: options.fileBytes?.(widths, certificate),
      ram: cost.planned(widths, budget.ram).layout.peakBytes,
      latency: budget.latency === undefined ? undefined : latencyOf(cost, widths, options, budget.ram),
    };
  }

  private over(used: Used, key: keyof Used): number {
    return Math.max(0, (amount(used, key) ?? 0) - (this.budget[key] ?? Infinity));
  }

  private fits(used: Used): boolean {
    return this.over(used, "flash") + this.over(used, "ram") + this.over(used, "latency") === 0;
  }

  /** Headers were longer on the way: the bound for the rest that this file has, which may leave weights more room. */
  private async loosen(widths: Widths, { flash }: Used): Promise<void> {
    const { budget, cost, reserve } = this;
    if (
      budget.flash === undefined ||
      flash === undefined ||
      this.fitting !== undefined ||
      reserve.latency > 0
    )
      return;
    const rest = flash - cost.totalWeightBytes(widths);
    if (rest >= reserve.flash) return;
    const answer = await this.solve({ ...reserve, flash: rest });
    if (answer.feasible) this.bound = Math.min(this.bound, answer.certificate.bound);
  }

  /** Makes the next answer another one; false where there is none. */
  private async learn(
    choices: readonly number[],
    widths: Widths,
    used: Used,
    round: number,
  ): Promise<boolean> {
    const { space, cost, budget, cuts, reserve } = this;
    if (this.over(used, "ram") > 0) {
      if (round > CUT_ROUNDS) {
        this.fitting ??= await this.leastRam();
        if (this.fitting === undefined) return false;
      }
      const around = this.fitting;
      cuts.push(
        boundCut(space, cost, budget.ram!, choices) ??
          (around && wideCut(space, cost, budget.ram!, choices, around)) ??
          choiceCut(space, cost, choices),
      );
    }
    reserve.latency += this.over(used, "latency");
    const flash = this.over(used, "flash");
    if (flash > 0) reserve.flash = budget.flash! - cost.totalWeightBytes(widths) + flash;
    return true;
  }

  private refusal(): Promise<DyadicError> {
    const { space, cost, budget, options, reserve } = this;
    return refusal(space, cost, budget, options, reserve.flash);
  }

  /** Choices with the smallest arena that the other limits leave, where it fits. */
  private async leastRam(): Promise<readonly number[] | undefined> {
    const { space, cost, budget, options, reserve } = this;
    const { ram, ...others } = reduced(budget, reserve);
    const found = await leastRam(space, cost, others, options);
    return found !== undefined && found.value <= ram! ? found.choices : undefined;
  }

  /** Where longer headers have used the flash up: the smallest weights, whose header may be short, once. */
  private async trySmallest(): Promise<boolean> {
    const { space, cost, budget, options, reserve } = this;
    if (reserve.flash === 0 || this.isSmallest) return false;
    this.isSmallest = true;
    const { flash: _, ...others } = reduced(budget, reserve);
    const least = await leastWeightBytes(space, cost, others, options);
    if (least === undefined) return false;
    reserve.flash = budget.flash! - least;
    return true;
  }
}

function amount({ flash, ram, latency }: Used, key: keyof Used): number | undefined {
  return { flash, ram, latency: latency?.nanoseconds }[key];
}

/** The limits as the budget has them: one more byte of RAM is one more at every step of the arena. */
function mergedLimits(limits: Certificate["limits"], budget: Budget): Certificate["limits"] {
  const own = (key: string) => limits.filter(({ name }) => (name.startsWith("arena") ? "ram" : name) === key);
  return Object.entries(budget).map(([name, atMost]) => {
    const shadowPrice = own(name).reduce((sum, limit) => sum + limit.shadowPrice, 0);
    return { name, atMost, used: atMost, binding: shadowPrice > 0, shadowPrice };
  });
}

function withUsed(limits: Certificate["limits"], used: Used): Certificate["limits"] {
  return limits.map((limit) => ({ ...limit, used: amount(used, limit.name as keyof Used) ?? limit.used }));
}

/** What the solver may use: the budget, less what it could not know of. */
function reduced({ flash, ram, latency }: Budget, reserve: Reserve): Budget {
  return {
    ...(flash !== undefined && { flash: flash - reserve.flash }),
    ...(ram !== undefined && { ram }),
    ...(latency !== undefined && { latency: latency - reserve.latency }),
  };
}
