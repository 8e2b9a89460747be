// One scale for all rows of a layer: the granularity "tensor" of a policy.
import { Descent } from "./coordinate-descent.ts";
import { diagonalOf, Feedback } from "./error-feedback.ts";
import type { RoundingName } from "./index.ts";
import { type Levels, nearestLevel } from "./levels.ts";
import { multiplySymmetric } from "./linear.ts";
import {
  emptyRounding,
  leastSquaresQuadratic,
  type Quadratic,
  type Rounding,
  type RoundingProblem,
  storeRow,
  weightQuadratic,
} from "./problem.ts";
import { searchScale } from "./scales.ts";

/** Multiples of the searched scale that are tried: what serves the largest row may be too coarse for the others. */
const STARTS = [0.7, 0.85, 1, 1.15];
const PASSES = 6;

/**
 * Rounds the groups of a layer under one scale. "nearest" and the two kinds of feedback round as they do by channel;
 * coordinate descent, which also stands in for the learned rounding, moves codes alone. Of several scales the one with
 * the least sum of the groups' quadratics is kept.
 */
export function roundAlike(problems: readonly RoundingProblem[], method: RoundingName): Rounding[] {
  const { levels } = problems[0]!;
  if (method === "nearest") {
    const scale = searchScale(joined(problems.map(({ weights }) => weights)), levels);
    return problems.map((problem) => roundRows(problem, scale, (row) => nearestCodes(row, scale, levels)));
  }
  const groups = problems.map((problem) => new Group(problem, method));
  const targets = joined(groups.map(({ quadratic }) => quadratic.target));
  const importance = joined(groups.map((group) => group.importance));
  const middle = searchScale(targets, levels, importance);
  let [best, least] = [groups.map((group) => group.round(middle)), Infinity];
  for (const start of STARTS) {
    const tried = groups.map((group) => group.round(start * middle));
    const loss = tried.reduce((sum, { loss }) => sum + loss, 0);
    if (loss < least) [best, least] = [tried, loss];
  }
  return best.map(({ rounding }) => rounding);
}

/** One group's quadratic, and its rows rounded under a scale. */
class Group {
  readonly quadratic: Quadratic;
  /** Curvature of every weight, [rows][taps]. */
  readonly importance: Float64Array;
  private readonly problem: RoundingProblem;
  private readonly feedback: Feedback;
  private readonly diagonal: Float64Array;
  private readonly descends: boolean;

  constructor(problem: RoundingProblem, method: RoundingName) {
    const { rows, taps } = problem;
    this.problem = problem;
    this.quadratic = method === "error-feedback" ? weightQuadratic(problem) : leastSquaresQuadratic(problem);
    this.descends = method === "coordinate-descent" || method === "learned";
    this.feedback = new Feedback(this.quadratic.matrix, taps);
    this.diagonal = diagonalOf(this.quadratic.matrix, taps);
    this.importance = joined(Array.from({ length: rows }, () => this.diagonal));
  }

  round(scale: number): { rounding: Rounding; loss: number } {
    const { problem, quadratic, diagonal, feedback, descends } = this;
    let loss = 0;
    const rounding = roundRows({ ...problem, weights: quadratic.target }, scale, (row) => {
      const pull = multiplySymmetric(quadratic.matrix, row);
      const codes = feedback.round(row, scale, problem.levels);
      const descent = new Descent(quadratic.matrix, diagonal, pull, scale, codes);
      if (descends) descent.run(problem.levels, PASSES, false);
      loss += descent.loss;
      return descent.codes;
    });
    return { rounding, loss };
  }
}

function roundRows(
  problem: RoundingProblem,
  scale: number,
  round: (row: Float64Array) => Float64Array,
): Rounding {
  const rounding = emptyRounding(problem);
  for (let row = 0; row < problem.rows; row++) {
    const own = problem.weights.subarray(row * problem.taps, (row + 1) * problem.taps);
    storeRow(rounding, row, scale, round(own));
  }
  return rounding;
}

function nearestCodes(row: Float64Array, scale: number, levels: Levels): Float64Array {
  return row.map((weight) => nearestLevel(scale === 0 ? 0 : weight / scale, levels));
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
