import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { writeModel } from "../../src/model/writer.ts";
import { dequantizeValue, quantizeValue } from "../../src/numerics/affine.ts";
import { exponential } from "../../src/numerics/exponential.ts";
import { requantize, requantizeMean, requantizeSum, roundShift } from "../../src/numerics/requantize.ts";
import { softmaxCode, softmaxTable } from "../../src/numerics/softmax.ts";
import { plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { openEngine, openModel, runModel, type TestExports } from "../cases/engine.ts";
import { difference } from "../cases/models.ts";
import {
  exactExponential,
  exactMean,
  exactRequantize,
  exactRoundShift,
  exactSoftmaxCode,
  exactSum,
  relativeError,
} from "../cases/oracle.ts";
import { Random } from "../cases/random.ts";

const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
const SHIFTS = Array.from({ length: 62 }, (_, i) => i + 1);
/** Most accumulators of one vector call. */
const ROOM = 32_768;

let scalar: TestExports;
let simd: TestExports;
beforeAll(async () => {
  [scalar, simd] = await Promise.all([openEngine("test-scalar"), openEngine("test-simd")]);
});

/** What an epilogue does besides scaling: zero point and clamp. */
type Finish = readonly [z: number, min: number, max: number];
const FINISHES: readonly Finish[] = [
  [0, -128, 127],
  [-128, -128, 127],
  [127, -50, 90],
];

/** requantize_all of a build: codes of accumulators under one c. */
function requantizeAll(
  engine: TestExports,
  acc: Int32Array,
  b: Int32Array,
  c: number,
  finish: Finish,
): Int8Array {
  const ptr = engine.reserve(ROOM * 9) >>> 0;
  const count = Math.ceil(acc.length / 8) * 8;
  new Int32Array(engine.memory.buffer, ptr, ROOM).set(acc);
  new Int32Array(engine.memory.buffer, ptr + ROOM * 4, ROOM).set(b);
  engine.requantize_all(ptr, ptr + ROOM * 4, ptr + ROOM * 8, count, c, ...finish);
  return new Int8Array(engine.memory.buffer, ptr + ROOM * 8, acc.length).slice();
}

/** Oracle = TypeScript = scalar wasm = SIMD wasm on all pairs of the two arrays, under one c. */
function expectTwins(acc: Int32Array, b: Int32Array, c: number, finish: Finish): void {
  const expected = Int8Array.from(acc, (value, i) => exactRequantize(value, b[i]!, c, ...finish));
  const typescript = Int8Array.from(acc, (value, i) => requantize(value, b[i]!, c, ...finish));
  const builds = [scalar, simd].map((engine) => requantizeAll(engine, acc, b, c, finish));
  [typescript, ...builds].forEach((codes, form) => {
    const wrong = codes.findIndex((code, i) => code !== expected[i]);
    if (wrong < 0) return;
    const where = `acc ${acc[wrong]} b ${b[wrong]} c ${c} finish ${finish}`;
    expect(codes[wrong], `${["TypeScript", "scalar", "SIMD"][form]}: ${where}`).toBe(expected[wrong]);
  });
}

/** Every pair of two lists, as two arrays of equal length. */
function pairs(accs: readonly number[], bs: readonly number[]): [Int32Array, Int32Array] {
  const all = accs.flatMap((acc) => bs.map((b) => [acc, b] as const));
  return [Int32Array.from(all, ([acc]) => acc), Int32Array.from(all, ([, b]) => b)];
}

function range(low: number, high: number): number[] {
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/** 0, the powers of two and their neighbours, up to 2^31. */
const AROUND_POWERS = [...new Set(range(0, 31).flatMap((k) => [2 ** k - 1, 2 ** k, 2 ** k + 1]))];
const EDGE_ACCS = [
  ...new Set([INT_MIN, INT_MIN + 1, ...AROUND_POWERS.flatMap((value) => [value, -value])]),
].filter((acc) => acc >= INT_MIN && acc <= INT_MAX);
const EDGE_BS = AROUND_POWERS.filter((b) => b <= INT_MAX);

describe("requantize, equation (4): oracle = TypeScript = scalar wasm = SIMD wasm", () => {
  test.each(FINISHES)("edges of acc and b at every c; zero point %i, clamp %i to %i", (...finish) => {
    const [acc, b] = pairs(EDGE_ACCS, EDGE_BS);
    expect(acc.length).toBeLessThanOrEqual(ROOM);
    for (const c of SHIFTS) expectTwins(acc, b, c, finish);
  });

  test("all of acc -1024 to 1024, b 0 to 64, c 1 to 12", () => {
    for (const c of range(1, 12)) {
      for (let b = 0; b <= 64; b += 13) {
        const [acc, multipliers] = pairs(range(-1024, 1024), range(b, Math.min(64, b + 12)));
        expectTwins(acc, multipliers, c, [5, -128, 127]);
      }
    }
  });

  test("200,000 random vectors of every magnitude", () => {
    const random = new Random(2024);
    const any = (bits: number) => Math.floor(random.real() * 2 ** random.integer(0, bits));
    for (let group = 0; group < 400; group++) {
      const acc = Int32Array.from({ length: 504 }, () => any(31) * (random.chance(0.5) ? -1 : 1));
      const b = Int32Array.from({ length: 504 }, () => any(31));
      const [low, high] = [random.integer(-128, 127), random.integer(-128, 127)];
      const finish = [random.integer(-128, 127), Math.min(low, high), Math.max(low, high)] as const;
      expectTwins(acc, b, random.pick(SHIFTS), finish);
    }
  });

  test("before the clamp TypeScript is exact in 32 bits, and on the right side beyond", () => {
    for (const acc of EDGE_ACCS) {
      for (const b of EDGE_BS) {
        for (const c of SHIFTS) {
          const exact = exactRoundShift(acc, b, c);
          const value = roundShift(acc, b, c);
          if (
            exact >= -0x8000_0000n && exact < 0x8000_0000n
              ? BigInt(value) === exact
              : value > 0 === exact > 0n
          )
            continue;
          expect(value, `acc ${acc} b ${b} c ${c}`).toBe(Number(exact));
        }
      }
    }
  });

  test("the scalar function behind the kernels is the one measured", () => {
    for (const acc of EDGE_ACCS) {
      expect(scalar.requantize(acc, INT_MAX, 33, 1, -128, 127)).toBe(
        exactRequantize(acc, INT_MAX, 33, 1, -128, 127),
      );
    }
  });
});

describe("requantizeSum, equation (6)", () => {
  test.each([
    [2 ** 21, 2 ** 21, 22, 0, 0, 0],
    [2 ** 21, 2 ** 21, 1, -128, 127, -128],
    [1_500_001, 983_041, 21, -3, 17, 5],
    [1, 2_097_151, 30, 127, -128, -1],
    [12_345, 0, 14, -128, 0, 127],
    [3, 5, 2, 0, 0, 0],
  ])("all int8 x int8 with b %i and %i, c %i", (bA, bB, c, zA, zB, z) => {
    for (let qA = -128; qA <= 127; qA++) {
      for (let qB = -128; qB <= 127; qB++) {
        const branches = [
          [bA, qA - zA],
          [bB, qB - zB],
        ] as const;
        const expected = exactSum(branches, c, z, -128, 127);
        const sum = bA * (qA - zA) + bB * (qB - zB);
        const actual = [
          requantizeSum(sum, c, z, -128, 127),
          scalar.requantize_sum(sum, c, z, -128, 127),
          simd.requantize_sum(sum, c, z, -128, 127),
        ];
        if (actual.some((code) => code !== expected)) expect(actual, `${qA} ${qB}`).toEqual(expected);
      }
    }
  });
});

/** Add steps of one scale each, over inputs that hold every pair of codes. */
function allPairsAdd(scaleA: number, scaleB: number, zero: number) {
  const builder = new GraphBuilder("pairs");
  const inputs = [scaleA, scaleB].map((scale, i) =>
    builder.input([1, 256, 256, 1], { scale, zeroPoint: zero * i }),
  );
  builder.output(builder.node("add", inputs, { activation: "none" }, { scale: 0.1, zeroPoint: -zero }));
  const graph = lower(builder.build());
  const codes = [(i: number) => (i >> 8) - 128, (i: number) => (i & 255) - 128];
  return { graph, inputs: codes.map((code) => Int8Array.from({ length: 65_536 }, (_, i) => code(i))) };
}

test.each([
  [0.05, 0.07, 3],
  [0.1, 0.1, 0],
  [30, 0.001, -100],
])("the add kernels on all int8 x int8: scales %f and %f, zero point %i", async (scaleA, scaleB, zero) => {
  const { graph, inputs } = allPairsAdd(scaleA, scaleB, zero);
  const { multiplierA, multiplierB, shift } = graph.nodes[0]!.parameters as Record<string, number>;
  const expected = inputs[0]!.map((qA, i) => {
    const branches = [
      [multiplierA!, qA],
      [multiplierB!, inputs[1]![i]! - zero],
    ] as const;
    return exactSum(branches, shift!, -zero, -128, 127);
  });
  for (const build of ["test-scalar", "test-simd"] as const) {
    const engine = await openEngine(build);
    openModel(engine, writeModel(graph, plan(graph)), graph);
    expect(difference(runModel(engine, graph, inputs)[0]!, expected).different, build).toBe(0);
  }
});

describe("requantizeMean, equation (7)", () => {
  test.each([false, true])("the nearest integer, exact halves away from zero: %s", (away) => {
    for (const [b, c] of [
      [1, 1],
      [3, 2],
      [2 ** 30, 31],
      [2 ** 30, 36],
      [1_431_655_765, 33],
      [INT_MAX, 31],
      [INT_MAX, 62],
      [0, 7],
    ] as const) {
      const small = range(-3000, 3000);
      for (const acc of [...small, ...EDGE_ACCS.filter((value) => value > INT_MIN)]) {
        const expected = exactMean(acc, b, c, away, -3, -128, 120);
        const actual = [
          requantizeMean(acc, b, c, away, -3, -128, 120),
          scalar.requantize_mean(acc, b, c, Number(away), -3, -128, 120),
        ];
        if (actual.some((code) => code !== expected))
          expect(actual, `${acc} ${b} ${c}`).toEqual([expected, expected]);
      }
    }
  });
});

describe("softmax, equation (8)", () => {
  test("exponential is within 1e-15 of e^x from -700 to 0, and 0 below", () => {
    const random = new Random(8);
    const edges = [0, -Number.MIN_VALUE, -1e-300, -1e-17, -0.34657359, -0.3465736, -Math.LN2, -1, -700];
    const all = [...edges, ...Array.from({ length: 1500 }, () => -700 * random.real() ** 3)];
    const errors = all.map((x) => relativeError(exponential(x), exactExponential(x)));
    console.log(`exponential: relative error at most ${Math.max(...errors).toExponential(2)}`);
    expect(Math.max(...errors)).toBeLessThan(1e-15);
    expect(exponential(-700.0001)).toBe(0);
    expect(exponential(-Infinity)).toBe(0);
  });

  test.each([
    [1, 1 / 16],
    [1, 0.1],
    [0.5, 0.37],
    [1, 3.9],
    [1, 1e-5],
  ])("the table for beta %f, scale %f is e^-d in Q23, rounded once", (beta, scale) => {
    const expected = range(0, 255).map((d) => {
      const scaled = exactExponential(-d * beta * scale) << 23n;
      return Number((scaled + (1n << 1199n)) >> 1200n);
    });
    expect(Array.from(softmaxTable(beta, scale))).toEqual(expected);
  });

  test("codes: oracle = TypeScript = wasm, up to 2^16 channels of the largest exponent", () => {
    const random = new Random(9);
    const one = 2 ** 23;
    for (let i = 0; i < 100_000; i++) {
      const e = random.pick([0, 1, one, one - 1, random.integer(0, one), random.integer(0, 300)]);
      const rest = random.pick([0, 1, random.integer(0, one), random.integer(0, 2 ** 39)]);
      const sum = Math.max(1, e + rest);
      const expected = exactSoftmaxCode(e, BigInt(sum));
      const actual = [softmaxCode(e, sum), scalar.softmax_code(e, BigInt(sum))];
      if (actual.some((code) => code !== expected))
        expect(actual, `${e} of ${sum}`).toEqual([expected, expected]);
    }
  });
});

describe("affine, equations (1) and (2)", () => {
  test.each([
    [0.5, 1, 0, 1],
    [-0.5, 1, 0, 0],
    [-1.5, 1, 0, -1],
    [2.5, 1, 0, 3],
    [0.49999999999999994, 1, 0, 1], // 0.4999... + 0.5 is 1 in float64: the host's formula, stated as such
    [1e300, 1, 0, 127],
    [-1e300, 1, 0, -128],
    [Infinity, 1, 5, 127],
    [-Infinity, 1, 5, -128],
    [Number.NaN, 1, 5, 5],
    [1, 1e-320, 0, 127],
    [0, 0.1, -128, -128],
    [25.5, 0.1, -128, 127],
  ])("%f at scale %f, zero point %i is code %i", (real, scale, z, code) => {
    expect(quantizeValue(real, scale, z, -128, 127)).toBe(code);
  });

  test("quantize inverts dequantize for every code", () => {
    const random = new Random(1);
    for (let i = 0; i < 200; i++) {
      const [scale, z] = [2 ** random.between(-30, 10), random.integer(-128, 127)];
      for (let code = -128; code <= 127; code++) {
        expect(quantizeValue(dequantizeValue(code, scale, z), scale, z, -128, 127)).toBe(code);
      }
    }
  });
});

/** What only the compiler needs, so that it has no twin in the engine. */
const COMPILE_TIME = ["softmaxTable"];

test.each(["requantize", "softmax"])(
  "%s.ts: both twins export the same functions in the same order",
  (stem) => {
    const exports = (side: string) => {
      const text = readFileSync(new URL(`../../${side}/numerics/${stem}.ts`, import.meta.url), "utf8");
      return Array.from(text.matchAll(/^export function (\w+)/gm), (match) => match[1]!);
    };
    expect(exports("src").filter((name) => !COMPILE_TIME.includes(name))).toEqual(exports("assembly"));
  },
);
