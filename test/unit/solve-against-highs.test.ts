// Our own solver beside HiGHS. DYADIC_FULL=1 solves all 1,000 and 30 problems (some 5 minutes, nearly all of it HiGHS's);
// without it the first of each.
import { expect, test } from "vitest";
import { type Solution, solve } from "../../src/precision/solve/index.ts";
import { isFeasible, totalsOf } from "../../src/precision/solve/problem.ts";
import { type RandomProblem, randomProblem } from "../cases/allocations.ts";
import { Random } from "../cases/random.ts";

const FULL = process.env.DYADIC_FULL === "1";
const MINUTES = 60_000;

/** Milliseconds that a problem of 150 classes may take; one that takes longer states its gap. */
const MOST_MS = 2000;

interface Compared {
  readonly milliseconds: number;
  readonly isProven: boolean;
}

/** Solves a problem with both: the same loss, and no answer of HiGHS below our bound. */
async function compare(random: Random, shape: RandomProblem): Promise<Compared> {
  const problem = randomProblem(random, shape);
  const start = performance.now();
  const own = await solve(problem);
  const milliseconds = performance.now() - start;
  const other = await solve(problem, { solver: "highs" });
  expect(own.feasible).toBe(other.feasible);
  if (!own.feasible) return { milliseconds, isProven: true };
  const { choices, certificate } = own;
  expect(isFeasible(problem, choices)).toBe(true);
  const best = totalsOf(problem, (other as Solution).choices).loss;
  expect(certificate.bound).toBeLessThanOrEqual(best);
  expect(totalsOf(problem, choices).loss).toBe(certificate.loss);
  if (certificate.gap === 0) expect(certificate.loss).toBe(best);
  return { milliseconds, isProven: certificate.gap === 0 };
}

function summary(name: string, compared: readonly Compared[]): void {
  const times = compared.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const proven = compared.filter(({ isProven }) => isProven).length;
  const [median, most] = [times[times.length >> 1]!, times.at(-1)!];
  console.log(
    `${name}: ${proven} of ${times.length} proven; median ${median.toFixed(1)} ms, most ${most.toFixed(0)} ms`,
  );
}

test(
  "up to 60 classes of up to 8 choices with up to 2 limits: the same loss, proven",
  async () => {
    const random = new Random(17);
    const compared: Compared[] = [];
    for (let round = 0; round < (FULL ? 1000 : 20); round++) {
      compared.push(
        await compare(random, {
          classes: random.integer(3, 60),
          choices: random.integer(2, 8),
          limits: random.integer(1, 2),
        }),
      );
    }
    summary("60 x 8, 2 limits", compared);
    expect(compared.every(({ isProven }) => isProven)).toBe(true);
  },
  30 * MINUTES,
);

test(
  "150 classes of 8 choices with 3 limits: the same loss within 2 s, or a gap that says how far",
  async () => {
    const random = new Random(23);
    const compared: Compared[] = [];
    for (let round = 0; round < (FULL ? 30 : 1); round++) {
      compared.push(await compare(random, { classes: 150, choices: 8, limits: 3 }));
    }
    summary("150 x 8, 3 limits", compared);
    // A quarter of the time on a quiet machine: tests share theirs.
    for (const { milliseconds, isProven } of compared) {
      expect(milliseconds < 4 * MOST_MS || !isProven).toBe(true);
    }
  },
  30 * MINUTES,
);
