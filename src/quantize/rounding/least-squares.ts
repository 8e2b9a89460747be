import { feedBack } from "./error-feedback.ts";
import { leastSquaresQuadratic, type Rounding, type RoundingProblem } from "./problem.ts";

/** Error feedback around the least-squares target, so that the layer makes up for its inputs' errors as well. */
export function leastSquares(problem: RoundingProblem): Rounding {
  return feedBack(problem, leastSquaresQuadratic(problem));
}
