// The smallest file that keeps an accuracy: a search over the frontier of loss and bytes, with a measurement of every
// file that it looks at.
import { type Compiled, type CompileOptions, compile } from "../compile.ts";
import { DyadicError } from "../error.ts";
import type { LossStore } from "../precision/allocate/index.ts";
import { frontier } from "./spending.ts";

/** What is to be kept. */
export interface AccuracyGate {
  /** A share from 0 to 1. */
  readonly least: number;
  /** What is measured, for messages: such as "top-1 on 500 samples". */
  readonly name?: string;
  /** Accuracy of a model file, on data that calibration has not seen. */
  measure(model: Uint8Array): Promise<number>;
  /** Called after every measurement. */
  onMeasured?(trial: Trial): void;
}

/** A file that was looked at. */
export interface Trial {
  readonly fileBytes: number;
  readonly arenaBytes: number;
  /** As predicted. */
  readonly loss: number;
  readonly accuracy: number;
}

/** The smallest file that was found. */
export interface Smallest {
  readonly compiled: Compiled;
  readonly accuracy: number;
  /** In the order of the search: the best file within the budget first. */
  readonly trials: readonly Trial[];
}

/**
 * Compiles to the smallest file that keeps an accuracy, within the other limits of `options.allocation`. Files come from
 * the frontier of predicted loss, by bisection: every answer is measured, and so is the next smaller file of the search.
 * Accuracy need not fall with every byte, so a still smaller file may exist that would pass by chance.
 * Throws NO_POLICY where even the best file within the budget does not keep it, and what `compile` throws.
 */
export async function compileSmallest(
  bytes: Uint8Array,
  options: CompileOptions,
  gate: AccuracyGate,
): Promise<Smallest> {
  const { allocation } = options;
  if (allocation === undefined || !(gate.least > 0 && gate.least <= 1)) {
    throw new DyadicError("BAD_ARGUMENT", "an accuracy is kept by choosing widths", {
      expected: "the option allocation, and an accuracy above 0 and at most 1",
      found: `${gate.least}`,
    });
  }
  const store = allocation.store ?? memory();
  const trials: Trial[] = [];
  const tried = async (more: Partial<CompileOptions>, flash?: number) => {
    const budget = { ...allocation.budget, ...(flash !== undefined && { flash }) };
    const compiled = await compile(bytes, {
      ...options,
      ...more,
      allocation: { ...allocation, store, budget },
    });
    const accuracy = await gate.measure(compiled.model);
    const { peakBytes: arenaBytes, certificate } = compiled.allocated!.allocation;
    trials.push({ fileBytes: compiled.model.length, arenaBytes, loss: certificate.loss, accuracy });
    gate.onMeasured?.(trials.at(-1)!);
    return { compiled, accuracy };
  };
  let best = await tried({});
  if (best.accuracy < gate.least) throw refusal(gate, trials[0]!, allocation.budget.flash);
  const points = (await frontier(best.compiled, allocation)).filter(
    ({ bytes, chosen }) => bytes < best.compiled.model.length && !chosen,
  );
  const seen = best.compiled.calibration;
  let [low, high] = [-1, points.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const own = await tried({ ...(seen && { calibration: seen }) }, points[middle]!.bytes);
    if (own.accuracy < gate.least) low = middle;
    else [high, best] = [middle, own];
  }
  return { ...best, trials };
}

function refusal(
  { least, name = "accuracy" }: AccuracyGate,
  { fileBytes, accuracy }: Trial,
  flash: number | undefined,
): DyadicError {
  return new DyadicError("NO_POLICY", "no policy keeps the accuracy", {
    expected: `${name}: ${least} or more`,
    found: `${accuracy.toFixed(4)} with the least predicted loss, in ${fileBytes} bytes`,
    hint: `a lower accuracy${flash === undefined ? "" : ", more flash"}, wider widths to choose from, or more samples`,
  });
}

/** Losses for the time of a search. */
function memory(): LossStore {
  const known = new Map<string, readonly number[]>();
  return { get: (key) => known.get(key), set: (key, numbers) => void known.set(key, numbers) };
}
