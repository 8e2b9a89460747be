// A problem made ready for an exact solver: ties merged, losses in integers, choices that can never be needed left out.
import type { Problem } from "./problem.ts";

/** Losses are integers below this, summed: additions of them are exact, and bounds in float64 err by less than 1e-3. */
const LOSS_RANGE = 2 ** 32;

/** Classes of choices in flat arrays: those of class i are first[i] up to first[i + 1]. */
export interface Instance {
  readonly first: Int32Array;
  /** Non-negative integers; every class has a choice of 0. */
  readonly loss: Float64Array;
  /** [choice][limit], integers. */
  readonly cost: Float64Array;
  readonly limits: Float64Array;
  /** Index in the problem's class of every choice. */
  readonly origin: Int32Array;
  /** Members of every class. */
  readonly members: readonly (readonly number[])[];
  /** Real loss of a whole: base + unit * integer loss, to within half a unit a choice. */
  readonly base: number;
  readonly unit: number;
}

export function classCount({ first }: Instance): number {
  return first.length - 1;
}

/** Bundles of merged classes before they are numbered. */
interface Merged {
  readonly members: readonly number[];
  readonly choices: readonly {
    readonly loss: number;
    readonly costs: readonly number[];
    readonly origin: number;
  }[];
}

export function instanceOf(problem: Problem): Instance {
  const merged = mergeTies(problem).map((own) => ({ ...own, choices: undominated(own.choices) }));
  const range = merged.reduce(
    (sum, { choices }) => sum + Math.max(...choices.map(({ loss }) => loss)) - least(choices),
    0,
  );
  const whole = merged.every(({ choices }) => choices.every(({ loss }) => Number.isInteger(loss)));
  const exact = range === 0 || (whole && range < LOSS_RANGE);
  const unit = exact ? 1 : 2 ** Math.ceil(Math.log2(range / LOSS_RANGE));
  const all = merged.flatMap(({ choices }) => {
    const lowest = least(choices);
    return choices.map((choice) => ({ ...choice, units: Math.round((choice.loss - lowest) / unit) }));
  });
  const first = new Int32Array(merged.length + 1);
  merged.forEach(({ choices }, i) => {
    first[i + 1] = first[i]! + choices.length;
  });
  return {
    first,
    loss: Float64Array.from(all, ({ units }) => units),
    cost: Float64Array.from(all.flatMap(({ costs }) => costs)),
    limits: Float64Array.from(problem.limits, ({ atMost }) => atMost),
    origin: Int32Array.from(all, ({ origin }) => origin),
    members: merged.map(({ members }) => members),
    base: merged.reduce((sum, { choices }) => sum + least(choices), 0),
    unit,
  };
}

function least(choices: readonly { readonly loss: number }[]): number {
  return Math.min(...choices.map(({ loss }) => loss));
}

function mergeTies({ classes, ties = [], limits }: Problem): Merged[] {
  const tied = new Map(ties.flatMap((tie) => tie.map((i) => [i, tie] as const)));
  return classes.flatMap((_, i): Merged[] => {
    const members = tied.get(i) ?? [i];
    if (members[0] !== i) return [];
    const choices = classes[i]!.choices.map((_, origin) => {
      const parts = members.map((member) => classes[member]!.choices[origin]!);
      return {
        loss: parts.reduce((sum, { loss }) => sum + loss, 0),
        costs: limits.map((_, k) => parts.reduce((sum, { costs }) => sum + costs[k]!, 0)),
        origin,
      };
    });
    return [{ members, choices }];
  });
}

/** Leaves out what another choice beats or equals in loss and every cost; the rest by falling loss. */
function undominated(choices: Merged["choices"]): Merged["choices"] {
  const beats = (a: Merged["choices"][number], b: Merged["choices"][number]) =>
    a.loss <= b.loss && a.costs.every((cost, k) => cost <= b.costs[k]!);
  return choices
    .filter(
      (choice, i) =>
        !choices.some((other, j) => j !== i && beats(other, choice) && !(beats(choice, other) && i < j)),
    )
    .sort((a, b) => b.loss - a.loss);
}

/** The problem's choices from one choice a class of the instance. */
export function originalChoices({ members, origin }: Instance, taken: ArrayLike<number>): number[] {
  const choices: number[] = [];
  members.forEach((own, i) => {
    for (const member of own) choices[member] = origin[taken[i]!]!;
  });
  return choices;
}

/**
 * The same solutions under tighter limits: costs less each class's smallest, divided by what all of them are multiples
 * of. The relaxation then knows that no sum lies between two multiples.
 *
 * @returns the instance, and what the costs of every limit were divided by
 */
export function tightened(instance: Instance): { instance: Instance; divisors: Float64Array } {
  const { first, cost, limits } = instance;
  const m = limits.length;
  const [costs, tight, divisors] = [cost.slice(), limits.slice(), new Float64Array(m)];
  for (let k = 0; k < m; k++) {
    for (let i = 0; i < classCount(instance); i++) {
      let least = Infinity;
      for (let c = first[i]!; c < first[i + 1]!; c++) least = Math.min(least, cost[c * m + k]!);
      for (let c = first[i]!; c < first[i + 1]!; c++) {
        costs[c * m + k]! -= least;
        divisors[k] = greatestCommonDivisor(costs[c * m + k]!, divisors[k]!);
      }
      tight[k]! -= least;
    }
    divisors[k] ||= 1;
    for (let at = k; at < costs.length; at += m) costs[at]! /= divisors[k]!;
    tight[k] = Math.floor(tight[k]! / divisors[k]!);
  }
  return { instance: { ...instance, cost: costs, limits: tight }, divisors };
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** Classes whose choices cost the same, place by place, such as layers of one shape; groups of one are left out. */
export function twins({ first, cost, limits }: Instance): number[][] {
  const groups = new Map<string, number[]>();
  for (let i = 0; i + 1 < first.length; i++) {
    const key = cost.subarray(first[i]! * limits.length, first[i + 1]! * limits.length).join();
    groups.set(key, [...(groups.get(key) ?? []), i]);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}
