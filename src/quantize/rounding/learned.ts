import { exponential } from "../../numerics/exponential.ts";
import { clamp } from "../../numerics/requantize.ts";
import { Adam } from "../adam.ts";
import { Descent } from "./coordinate-descent.ts";
import { diagonalOf } from "./error-feedback.ts";
import { type Levels, nearestLevel } from "./levels.ts";
import { dot, multiplySymmetric } from "./linear.ts";
import {
  emptyRounding,
  leastSquaresQuadratic,
  type Rounding,
  type RoundingProblem,
  storeRow,
} from "./problem.ts";
import { searchScale } from "./scales.ts";

export interface LearnedOptions {
  /** Steps of Adam. Default 300. */
  readonly steps?: number;
}

// AdaRound (Nagel 2020): stretched sigmoid h (eq. 23) between -0.1 and 1.1, regulariser sum(1 - |2h - 1|^beta) (eq. 24)
// with beta annealed from 20 to 2 after a fifth of the steps.
const STRETCH = 1.2;
const OFFSET = -0.1;
const WARM_UP = 0.2;
const [FIRST_BETA, LAST_BETA] = [20, 2];
const REGULARISATION = 0.01;
const RATE = 0.02;

/**
 * AdaRound's learned up or down for every weight, on the least-squares quadratic: the gradient is one product with H.
 * Ends with coordinate descent's scale refit. For levels with a step of 2 (binary) up and down are the two codes.
 */
export function learned(problem: RoundingProblem, { steps = 300 }: LearnedOptions = {}): Rounding {
  const { rows, taps, levels } = problem;
  const { matrix, target } = leastSquaresQuadratic(problem);
  const diagonal = diagonalOf(matrix, taps);
  const rounding = emptyRounding(problem);
  for (let row = 0; row < rows; row++) {
    const own = target.subarray(row * taps, (row + 1) * taps);
    const scale = searchScale(own, levels, diagonal);
    if (scale === 0) {
      storeRow(rounding, row, 0, new Float64Array(taps).fill(nearestLevel(0, levels)));
      continue;
    }
    const codes = learnRow(matrix, own, scale, levels, steps);
    const descent = new Descent(matrix, diagonal, multiplySymmetric(matrix, own), scale, codes);
    descent.run(levels, 0);
    storeRow(rounding, row, descent.scale, descent.codes);
  }
  return rounding;
}

/** Codes of one row: floor(t / s) plus the learned 0 or 1. */
function learnRow(
  matrix: Float64Array,
  target: Float64Array,
  scale: number,
  levels: Levels,
  steps: number,
): Float64Array {
  const taps = target.length;
  const { lowest, highest, step } = levels;
  const floors = target.map((t) =>
    clamp(lowest + step * Math.floor((t / scale - lowest) / step), lowest, highest - step),
  );
  // h starts at the fraction, so that the first soft codes are the target itself.
  const logits = target.map((t, k) => logit(clamp((t / scale - floors[k]!) / step, 0.01, 0.99)));
  const adam = new Adam(new Float64Array(taps).fill(RATE));
  const errors = new Float64Array(taps);
  const gradient = new Float64Array(taps);
  const unit = step * Math.abs(scale);
  // Relative to the row's own curvature, so that one rate of regularisation fits every layer.
  const curvature =
    (dot(diagonalOf(matrix, taps), 0, new Float64Array(taps).fill(1), 0, taps) / taps) * unit ** 2;
  for (let i = 0; i < steps; i++) {
    for (let k = 0; k < taps; k++) {
      errors[k] = scale * (floors[k]! + step * gate(logits[k]!)) - target[k]!;
    }
    const pulled = multiplySymmetric(matrix, errors);
    const progress = Math.max(0, (i / steps - WARM_UP) / (1 - WARM_UP));
    const beta = i < WARM_UP * steps ? 0 : LAST_BETA + (FIRST_BETA - LAST_BETA) * (1 - progress);
    for (let k = 0; k < taps; k++) {
      const fit = (2 * scale * step * pulled[k]!) / curvature;
      gradient[k] = gateSlope(logits[k]!) * (fit + REGULARISATION * roundingSlope(gate(logits[k]!), beta));
    }
    adam.step(logits, gradient, 1);
  }
  return floors.map((floor, k) => floor + (gate(logits[k]!) >= 0.5 ? step : 0));
}

function sigmoid(v: number): number {
  return v >= 0 ? 1 / (1 + exponential(-v)) : 1 - 1 / (1 + exponential(v));
}

/** The v whose gate is h: by bisection, since only the exponential is ours to use. */
function logit(h: number): number {
  let [low, high] = [-8, 8];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (STRETCH * sigmoid(middle) + OFFSET < h) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function gate(v: number): number {
  return clamp(STRETCH * sigmoid(v) + OFFSET, 0, 1);
}

function gateSlope(v: number): number {
  const s = sigmoid(v);
  const h = STRETCH * s + OFFSET;
  return h <= 0 || h >= 1 ? 0 : STRETCH * s * (1 - s);
}

/** Derivative of 1 - |2h - 1|^beta; whole powers only, which need no Math.pow. 0 while warming up. */
function roundingSlope(h: number, beta: number): number {
  if (beta === 0) return 0;
  const x = 2 * h - 1;
  let power = 1;
  for (let i = 1; i < Math.round(beta); i++) power *= Math.abs(x);
  return -2 * Math.round(beta) * power * Math.sign(x);
}
