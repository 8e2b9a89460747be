import { describe, expect, test } from "vitest";
import { type Infeasible, type Solution, solve } from "../../src/precision/solve/index.ts";
import { isFeasible, type Problem, totalsOf } from "../../src/precision/solve/problem.ts";
import { bruteForce, hawqProblems, randomProblem } from "../cases/allocations.ts";
import { assetsDirectory } from "../cases/assets.ts";
import { Random } from "../cases/random.ts";

async function solved(problem: Problem, options = {}): Promise<Solution> {
  const answer = await solve(problem, options);
  expect(answer.feasible).toBe(true);
  return answer as Solution;
}

describe("exact solvers", () => {
  test("equal brute force on small problems, with ties and negative costs", async () => {
    const random = new Random(7);
    for (let round = 0; round < 150; round++) {
      const problem = randomProblem(random, {
        classes: random.integer(1, 6),
        choices: random.integer(1, 5),
        limits: random.integer(0, 3),
        ties: true,
      });
      const best = bruteForce(problem);
      for (const solver of ["branch-and-bound", "highs"] as const) {
        if (solver === "highs" && round % 5 !== 0) continue;
        const answer = await solve(problem, { solver });
        expect(answer.feasible).toBe(best !== undefined);
        if (!answer.feasible || best === undefined) continue;
        expect(isFeasible(problem, answer.choices)).toBe(true);
        expect(totalsOf(problem, answer.choices)).toEqual(best);
        expect(answer.certificate.gap).toBe(0);
      }
    }
  });

  test("a search that is cut short states a bound that holds", async () => {
    const random = new Random(5);
    for (let round = 0; round < 10; round++) {
      const problem = randomProblem(random, { classes: 40, choices: 8, limits: 3 });
      const [short, whole] = [await solved(problem, { nodes: 4 }), await solved(problem)];
      expect(whole.certificate.gap).toBe(0);
      expect(short.certificate.bound).toBeLessThanOrEqual(whole.certificate.loss);
      expect(short.certificate.loss).toBeGreaterThanOrEqual(whole.certificate.loss);
      expect(short.certificate.gap).toBeCloseTo(short.certificate.loss - short.certificate.bound, 6);
    }
  });
});

describe("pairwise losses", () => {
  /** What any two classes lose together: of either sign, as rounding errors add up or make up for each other. */
  function withPairs(random: Random, problem: Problem): Problem {
    const most = problem.classes.map(({ choices }) => Math.max(...choices.map(({ loss }) => loss)));
    const pairs = problem.classes.flatMap((a, i) =>
      problem.classes.slice(i + 1).map((b, k) => ({
        classes: [i, i + 1 + k] as const,
        losses: a.choices.map(() =>
          b.choices.map(() => Math.round(random.between(-0.3, 0.3) * Math.min(most[i]!, most[i + 1 + k]!))),
        ),
      })),
    );
    return { ...problem, pairs };
  }

  test("are least as brute force finds them", async () => {
    const random = new Random(13);
    for (let round = 0; round < 60; round++) {
      const shape = {
        classes: random.integer(2, 6),
        choices: random.integer(2, 5),
        limits: random.integer(1, 3),
      };
      const problem = withPairs(random, randomProblem(random, shape));
      const best = bruteForce(problem);
      const answer = await solve(problem);
      expect(answer.feasible).toBe(best !== undefined);
      if (!answer.feasible || best === undefined) continue;
      expect(isFeasible(problem, answer.choices)).toBe(true);
      expect(answer.certificate).toMatchObject({ loss: best.loss, bound: best.loss, gap: 0 });
    }
  });

  test("cut short, state a bound that holds", async () => {
    const random = new Random(29);
    for (let round = 0; round < 5; round++) {
      const problem = withPairs(random, randomProblem(random, { classes: 10, choices: 6, limits: 1 }));
      const [short, whole] = [await solved(problem, { nodes: 20 }), await solved(problem)];
      expect(short.certificate.bound).toBeLessThanOrEqual(whole.certificate.loss);
      expect(short.certificate.loss).toBeGreaterThanOrEqual(whole.certificate.loss);
      expect(whole.certificate.bound).toBeLessThanOrEqual(whole.certificate.loss);
      if (process.env.DYADIC_TIMES) console.log(whole.certificate.nodes, whole.certificate.gap);
    }
  });

  test("are refused where they are none, and by other solvers", async () => {
    const random = new Random(2);
    const problem = randomProblem(random, { classes: 3, choices: 2, limits: 1 });
    const pairs = [{ classes: [0, 1] as const, losses: [[1, 2]] }];
    await expect(solve({ ...problem, pairs })).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await expect(solve(withPairs(random, problem), { solver: "highs" })).rejects.toThrow(
      /no pairwise losses/,
    );
  });
});

describe("heuristics", () => {
  test("keep the limits, never beat the optimum, and carry its bound", async () => {
    const random = new Random(3);
    for (let round = 0; round < 40; round++) {
      const problem = randomProblem(random, {
        classes: random.integer(2, 30),
        choices: random.integer(2, 6),
        limits: 1,
      });
      const best = await solved(problem);
      for (const solver of ["greedy", "cutting"] as const) {
        const { choices, certificate } = await solved(problem, { solver });
        expect(isFeasible(problem, choices)).toBe(true);
        expect(certificate.loss).toBeGreaterThanOrEqual(best.certificate.loss);
        expect(certificate.bound).toBeLessThanOrEqual(best.certificate.loss);
      }
    }
  });

  test("the cutting rule takes the first of the largest shares", async () => {
    const size = (bytes: number) => [4, 2, 1].map((part, i) => ({ loss: i, costs: [bytes * part] }));
    const classes = [10, 40, 39, 11].map((bytes) => ({ name: `${bytes}`, choices: size(bytes) }));
    const { choices } = await solved(
      { classes, limits: [{ name: "bytes", atMost: 260 }] },
      { solver: "cutting" },
    );
    expect(choices).toEqual([0, 1, 1, 0]); // 400 bytes; 40 and 39 are within .05 of each other
  });
});

test("the shadow price of a limit is what more of it is worth", async () => {
  const problem: Problem = {
    classes: [
      {
        name: "a",
        choices: [
          { loss: 9, costs: [1, 0] },
          { loss: 1, costs: [5, 0] },
        ],
      },
      {
        name: "b",
        choices: [
          { loss: 4, costs: [1, 1] },
          { loss: 0, costs: [5, 1] },
        ],
      },
    ],
    limits: [
      { name: "bytes", atMost: 7 },
      { name: "idle", atMost: 10 },
    ],
  };
  const { choices, certificate } = await solved(problem);
  expect(choices).toEqual([1, 0]);
  expect(certificate.limits.map(({ binding }) => binding)).toEqual([true, false]);
  expect(certificate.limits[0]!.shadowPrice).toBeCloseTo(1, 9); // a quarter of b's step of 4 for 4 bytes
  expect(certificate.limits.map(({ used }) => used)).toEqual([6, 1]);
});

test("what does not fit is said with the smallest limits that would, and their proof", async () => {
  const choices = (...pairs: (readonly [number, number])[]) => pairs.map((costs) => ({ loss: 0, costs }));
  const classes = [
    { name: "a", choices: choices([8, 1], [4, 3]) },
    { name: "b", choices: choices([8, 1], [4, 3]) },
  ];
  const limits = [
    { name: "bytes", atMost: 9 },
    { name: "time", atMost: 5 },
  ];
  const answer = (await solve({ classes, limits })) as Infeasible;
  expect(answer.feasible).toBe(false);
  expect(answer.smallest).toEqual([
    { name: "bytes", atMost: 9, value: 12, bound: 12, alone: false },
    { name: "time", atMost: 5, value: 6, bound: 6, alone: false },
  ]);
});

test("of equal losses the cheaper policy is taken", async () => {
  const equal = [
    { loss: 1, costs: [7, 1] },
    { loss: 1, costs: [3, 2] },
    { loss: 1, costs: [3, 1] },
  ];
  for (const solver of ["branch-and-bound", "highs"] as const) {
    const { choices } = await solved(
      {
        classes: [{ name: "a", choices: equal }],
        limits: [
          { name: "x", atMost: 9 },
          { name: "y", atMost: 9 },
        ],
      },
      { solver },
    );
    expect(choices).toEqual([2]);
  }
});

test.each([
  ["a fractional cost", [{ loss: 0, costs: [0.5] }]],
  ["a loss that is no number", [{ loss: Number.NaN, costs: [1] }]],
  ["a class without choices", []],
  ["a missing cost", [{ loss: 0, costs: [] }]],
])("%s is refused", async (_, choices) => {
  const problem = { classes: [{ name: "a", choices }], limits: [{ name: "x", atMost: 1 }] };
  await expect(solve(problem)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});

describe.skipIf(assetsDirectory === null)("HAWQ-V3's problems", () => {
  test.each(["resnet18", "resnet50"] as const)("%s: the released configurations, or better", async (net) => {
    for (const { key, problem, released } of hawqProblems(net)) {
      const started = performance.now();
      const { choices, certificate } = await solved(problem);
      const milliseconds = performance.now() - started;
      const bits = choices.map((choice) => [4, 8][choice]!);
      expect(certificate.gap).toBe(0);
      if (net === "resnet50" && key === "modelsize_0.25") {
        const own = totalsOf(
          problem,
          released.map((width) => (width === 8 ? 1 : 0)),
        );
        const all4 = totalsOf(
          problem,
          released.map(() => 0),
        );
        expect(own.loss - all4.loss).toBeCloseTo(-0.82323, 5);
        expect(certificate.loss - all4.loss).toBeCloseTo(-0.83139, 5);
      } else {
        expect(bits, key).toEqual(released);
      }
      if (process.env.DYADIC_TIMES) console.log(net, key, milliseconds.toFixed(1), "ms", certificate.nodes);
    }
  });
});
