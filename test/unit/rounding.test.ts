import { describe, expect, it } from "vitest";
import { ROUNDING_METHODS, type Rounding, roundingNamed } from "../../src/quantize/rounding/index.ts";
import { levelsOf, nearestLevel } from "../../src/quantize/rounding/levels.ts";
import { choleskyFactor, reverseFactor, solveCholesky } from "../../src/quantize/rounding/linear.ts";
import type { RoundingProblem } from "../../src/quantize/rounding/problem.ts";
import { maxScale, searchScale } from "../../src/quantize/rounding/scales.ts";
import { quadraticLoss, randomProblem, WIDTHS } from "../cases/roundings.ts";

function realsOf({ taps }: RoundingProblem, { codes, scales }: Rounding, row: number): Float64Array {
  return Float64Array.from(codes.subarray(row * taps, (row + 1) * taps), (code) => code * scales[row]!);
}

function lossOf(problem: RoundingProblem, rounding: Rounding): number {
  return Array.from({ length: problem.rows }, (_, n) =>
    quadraticLoss(problem, n, realsOf(problem, rounding, n)),
  ).reduce((a, b) => a + b);
}

/** The codes that a channel may have, ascending: one list, or two where they may be mirrored. */
function alphabets({ levels }: RoundingProblem): number[][] {
  const { lowest, highest, step, mirrored } = levels;
  const codes = Array.from({ length: (highest - lowest) / step + 1 }, (_, i) => lowest + i * step);
  return mirrored ? [codes, codes.map((code) => 0 - code).reverse()] : [codes];
}

describe("linear algebra", () => {
  const { second, taps } = randomProblem(1, 1, 13, 8);

  it("factors and solves", () => {
    const factor = choleskyFactor(second, taps);
    const b = Float64Array.from({ length: taps }, (_, i) => i - 5);
    const x = solveCholesky(factor, taps, b);
    b.forEach((value, i) => {
      const product = x.reduce((sum, own, j) => sum + own * second[i * taps + j]!, 0);
      expect(product).toBeCloseTo(value, 9);
    });
  });

  it("has the unit factor of L' D L", () => {
    const unit = reverseFactor(second, taps);
    const rows = Array.from({ length: taps }, (_, k) => unit.subarray(k * taps, (k + 1) * taps));
    rows.forEach((row, k) => {
      expect(row[k]).toBe(1);
      expect(row.subarray(k + 1).every((value) => value === 0)).toBe(true);
    });
    // L^-T H L^-1 is diagonal, that is: tap k at its optimum makes the loss independent of the errors before it.
    for (let k = 1; k < taps; k++) {
      const errors = Float64Array.from({ length: taps }, (_, i) => (i < k ? i + 1 : 0));
      for (let i = k; i < taps; i++) {
        for (let j = 0; j < i; j++) errors[i]! -= rows[i]![j]! * errors[j]!;
      }
      const slope = errors.reduce((sum, e, j) => sum + e * second[k * taps + j]!, 0);
      expect(slope).toBeCloseTo(0, 9);
    }
  });

  it("refuses what is not positive definite", () => {
    expect(() => choleskyFactor(Float64Array.of(1, 2, 2, 1), 2)).toThrow(/positive definite/);
  });
});

describe("levels", () => {
  it("are DESIGN's", () => {
    expect(WIDTHS.map((width) => Object.values(levelsOf(width)).slice(0, 3))).toEqual([
      [-127, 127, 1],
      [-63, 63, 1],
      [-32, 31, 1],
      [-16, 15, 1],
      [-8, 7, 1],
      [-4, 3, 1],
      [-2, 1, 1],
      [-1, 1, 1],
      [-1, 1, 2],
    ]);
    expect([-9, -0.1, 0, 9].map((x) => nearestLevel(x, levelsOf(1)))).toEqual([-1, -1, 1, 1]);
  });
});

describe("scales", () => {
  it("keep a row that lies on the grid", () => {
    const row = Float64Array.from({ length: 9 }, (_, i) => [127, -3, 50][i % 3]! * 0.25);
    expect(searchScale(row, levelsOf(8))).toBe(0.25);
    expect(maxScale(row, levelsOf(8))).toBe(0.25);
  });

  it("are negative where the long side of two bits is the positive one", () => {
    const row = Float64Array.of(2, -1, 0, 1, 2, -1);
    expect(searchScale(row, levelsOf(2))).toBe(-1);
    expect(
      searchScale(
        row.map((x) => -x),
        levelsOf(2),
      ),
    ).toBe(1);
    expect(searchScale(new Float64Array(4), levelsOf(2))).toBe(0);
  });
});

describe.each(ROUNDING_METHODS)("%s", (method) => {
  const round = roundingNamed(method);

  it.each(WIDTHS)("gives codes of width %s under positive scales, the same every time", (width) => {
    const problem = randomProblem(3, 3, 18, width);
    const rounding = round(problem);
    expect(round(problem)).toEqual(rounding);
    for (let n = 0; n < problem.rows; n++) {
      const codes = rounding.codes.subarray(n * 18, (n + 1) * 18);
      expect(alphabets(problem).some((own) => codes.every((code) => own.includes(code)))).toBe(true);
      expect(rounding.scales[n]).toBeGreaterThan(0);
    }
  });

  it("has scale 0 for a dead channel, and survives dead inputs", () => {
    const problem = randomProblem(4, 2, 8, 4);
    problem.weights.fill(0, 0, 8);
    problem.cross.fill(0, 0, 8);
    for (let k = 0; k < 8; k++) problem.second[3 * 8 + k] = problem.second[k * 8 + 3] = 0;
    const { codes, scales } = round(problem);
    expect(scales[0]).toBe(0);
    expect(codes.subarray(0, 8).every((code) => code === 0)).toBe(true);
    expect(scales[1]).toBeGreaterThan(0);
  });
});

describe("the methods' losses", () => {
  it.each([4, 3, 2, "ternary", 1] as const)(
    "fall from nearest to coordinate descent at width %s",
    (width) => {
      const total = {
        nearest: 0,
        "error-feedback": 0,
        "least-squares": 0,
        "coordinate-descent": 0,
        learned: 0,
      };
      for (let seed = 0; seed < 6; seed++) {
        const problem = randomProblem(seed, 3, 24, width);
        for (const method of ROUNDING_METHODS)
          total[method] += lossOf(problem, roundingNamed(method)(problem));
      }
      expect(total["least-squares"]).toBeLessThan(total["error-feedback"]);
      expect(total["coordinate-descent"]).toBeLessThan(total["least-squares"]);
      expect(total["error-feedback"]).toBeLessThan(total.nearest);
      expect(total.learned).toBeLessThan(total.nearest);
    },
  );

  it("leave coordinate descent where no single code improves it, near the best of all codes", () => {
    for (let seed = 0; seed < 4; seed++) {
      const problem = randomProblem(seed, 1, 5, 2);
      const rounding = roundingNamed("coordinate-descent")(problem);
      const found = quadraticLoss(problem, 0, realsOf(problem, rounding, 0));
      const scale = rounding.scales[0]!;
      let best = Infinity;
      for (const alphabet of alphabets(problem)) {
        for (let i = 0; i < alphabet.length ** 5; i++) {
          const reals = Array.from({ length: 5 }, (_, k) => {
            return scale * alphabet[Math.floor(i / alphabet.length ** k) % alphabet.length]!;
          });
          best = Math.min(best, quadraticLoss(problem, 0, reals));
        }
      }
      expect(found).toBeLessThanOrEqual(best * 1.25);
    }
  });
});
