import { expect, it } from "vitest";
import { chooseShrinkage, dampingFor, isAmple } from "../../src/quantize/damping.ts";
import type { Layer } from "../../src/quantize/layer.ts";
import { Random } from "../cases/random.ts";
import { randomProblem } from "../cases/roundings.ts";

const { rows, taps, weights, second } = randomProblem(5, 3, 12, 8);
const layer = { rows, taps, weights, groups: 1 } as Layer;

/** Moments of inputs whose outputs are wanted `gain` times as large, and what noise of a size adds. */
function moments(gain: number, noise: number, seed: number) {
  const random = new Random(seed);
  const cross = new Float64Array(rows * taps);
  for (let i = 0; i < cross.length; i++) {
    const [n, k] = [Math.floor(i / taps), i % taps];
    for (let j = 0; j < taps; j++) cross[i]! += gain * weights[n * taps + j]! * second[j * taps + k]!;
    cross[i]! += noise * random.between(-1, 1);
  }
  const none = new Float64Array(0);
  return { second, cross, inputMean: none, outputMean: none };
}

it("fits what both halves agree on, and leaves the weights alone where they do not", () => {
  expect(chooseShrinkage(layer, [moments(1.3, 0, 1), moments(1.3, 0, 2)])).toBe(0.01);
  expect(chooseShrinkage(layer, [moments(1, 5, 1), moments(1, 5, 2)])).toBe(10);
});

it("damps more where windows are few", () => {
  expect(dampingFor(layer, 1200)).toBe(0.01);
  expect(dampingFor(layer, 120)).toBeCloseTo(0.1, 12);
  expect([isAmple(layer, 1200), isAmple(layer, 1199)]).toEqual([true, false]);
});
