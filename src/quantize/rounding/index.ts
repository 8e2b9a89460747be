import { coordinateDescent } from "./coordinate-descent.ts";
import { errorFeedback } from "./error-feedback.ts";
import { learned } from "./learned.ts";
import { leastSquares } from "./least-squares.ts";
import { nearest } from "./nearest.ts";
import type { RoundingMethod } from "./problem.ts";

/** Names of the methods, as a policy has them. */
export const ROUNDING_METHODS = [
  "nearest",
  "error-feedback",
  "least-squares",
  "coordinate-descent",
  "learned",
] as const;
export type RoundingName = (typeof ROUNDING_METHODS)[number];

const METHODS: Record<RoundingName, RoundingMethod> = {
  nearest: (problem) => nearest(problem),
  "error-feedback": errorFeedback,
  "least-squares": leastSquares,
  "coordinate-descent": (problem) => coordinateDescent(problem),
  learned: (problem) => learned(problem),
};

export function roundingNamed(name: RoundingName): RoundingMethod {
  return METHODS[name];
}

export { bitsOf, levelsOf, type WeightWidth } from "./levels.ts";
export type { Rounding, RoundingMethod, RoundingProblem } from "./problem.ts";
