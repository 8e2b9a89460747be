import { nearestLevel } from "./levels.ts";
import { emptyRounding, type Rounding, type RoundingProblem, storeRow } from "./problem.ts";
import { type ScaleSearch, searchScales } from "./scales.ts";

/** Every weight to its nearest code, under the scale with the least squared error. Sees no inputs. */
export function nearest(problem: RoundingProblem, search: ScaleSearch = "mse"): Rounding {
  const { rows, taps, weights, levels } = problem;
  const scales = searchScales(weights, taps, levels, search);
  const rounding = emptyRounding(problem);
  for (let row = 0; row < rows; row++) {
    const scale = scales[row]!;
    const own = weights.subarray(row * taps, (row + 1) * taps);
    const codes = own.map((weight) => nearestLevel(scale === 0 ? 0 : weight / scale, levels));
    storeRow(rounding, row, scale, codes);
  }
  return rounding;
}
