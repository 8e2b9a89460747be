// The problem that every solver takes: one choice of every class, least loss, several limits on integer costs
// (the multiple-choice multi-dimensional knapsack problem).
import { DyadicError } from "../../error.ts";

/** One way to settle a class. */
export interface Choice {
  /** What is minimised, summed over the classes. */
  readonly loss: number;
  /** Integers, one a limit. */
  readonly costs: readonly number[];
}

/** Something to be decided, such as the weight bits of a layer: exactly one of its choices is taken. */
export interface DecisionClass {
  readonly name: string;
  readonly choices: readonly Choice[];
}

/** The sum of a cost over all classes is at most this integer. */
export interface Limit {
  readonly name: string;
  readonly atMost: number;
}

/** What the choices of two classes lose together, besides what each loses by itself; may be negative. */
export interface Pair {
  readonly classes: readonly [number, number];
  /** By choice of the first, then of the second. */
  readonly losses: readonly (readonly number[])[];
}

export interface Problem {
  readonly classes: readonly DecisionClass[];
  readonly limits: readonly Limit[];
  /** Classes that take choices of equal index; every class in one tie at most. */
  readonly ties?: readonly (readonly number[])[];
  /** At most one for any two classes; not together with ties. */
  readonly pairs?: readonly Pair[];
  /** Limits whose cost decides between policies of equal loss, the first first. Left out: all, in their order. */
  readonly prefer?: readonly number[];
}

/** What a choice for every class amounts to; added in the order of the classes. */
export interface Totals {
  readonly loss: number;
  readonly costs: readonly number[];
}

export function totalsOf({ classes, limits, pairs = [] }: Problem, choices: readonly number[]): Totals {
  const costs = limits.map(() => 0);
  let loss = 0;
  classes.forEach((own, i) => {
    const choice = own.choices[choices[i]!]!;
    loss += choice.loss;
    choice.costs.forEach((cost, k) => {
      costs[k]! += cost;
    });
  });
  for (const {
    classes: [a, b],
    losses,
  } of pairs)
    loss += losses[choices[a]!]![choices[b]!]!;
  return { loss, costs };
}

export function isFeasible(problem: Problem, choices: readonly number[]): boolean {
  const { costs } = totalsOf(problem, choices);
  const tied = (problem.ties ?? []).every((tie) => tie.every((i) => choices[i] === choices[tie[0]!]));
  return tied && costs.every((cost, k) => cost <= problem.limits[k]!.atMost);
}

/** Throws BAD_ARGUMENT for a class without choices, a loss that is no number, a cost or limit that is no integer. */
export function checkProblem({ classes, limits, ties = [], pairs = [] }: Problem): void {
  const wrong = (problem: string, node: string, expected: string, found: string) =>
    new DyadicError("BAD_ARGUMENT", problem, { node, expected, found });
  for (const { name, atMost } of limits) {
    if (!Number.isSafeInteger(atMost)) throw wrong("a limit is no integer", name, "an integer", `${atMost}`);
  }
  for (const { name, choices } of classes) {
    if (choices.length === 0) throw wrong("a class has no choice", name, "one choice or more", "none");
    for (const { loss, costs } of choices) {
      if (!Number.isFinite(loss)) throw wrong("a loss is no number", name, "a finite number", `${loss}`);
      const fits = costs.length === limits.length && costs.every(Number.isSafeInteger);
      if (!fits)
        throw wrong("costs are not one integer a limit", name, `${limits.length} integers`, `${costs}`);
    }
  }
  for (const pair of pairs) {
    const [rows, columns] = pair.classes.map((i) => classes[i]?.choices.length ?? -1);
    const isWhole =
      pair.losses.length === rows &&
      pair.losses.every((row) => row.length === columns && row.every(Number.isFinite));
    if (isWhole && pair.classes[0] !== pair.classes[1] && ties.length === 0) continue;
    throw wrong(
      "a pair is impossible",
      `${pair.classes}`,
      "a finite loss for any two choices of two untied classes",
      "others",
    );
  }
  const tied = ties.flat();
  for (const tie of ties) {
    const [count, ...others] = tie.map((i) => classes[i]?.choices.length ?? -1);
    const alone = tie.every((i) => tied.indexOf(i) === tied.lastIndexOf(i));
    if (count === undefined || count < 0 || others.some((other) => other !== count) || !alone) {
      throw wrong("a tie is impossible", `${tie}`, "classes with as many choices, each in one tie", `${tie}`);
    }
  }
}
