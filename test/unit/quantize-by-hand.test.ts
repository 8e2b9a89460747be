import { beforeAll, describe, expect, test } from "vitest";
import { quantizeByHand } from "../../examples/quantize-by-hand.ts";
import { sourceText } from "../cases/sources.ts";

/** Of the LSTM, which has a reference and tests of its own. */
const ELSEWHERE = ["(12)"];
const said: string[] = [];
let result: Awaited<ReturnType<typeof quantizeByHand>>;
beforeAll(async () => {
  result = await quantizeByHand((line) => said.push(line));
});

describe("examples/quantize-by-hand.ts", () => {
  test("shows every equation of the numerics document", () => {
    const text = sourceText("src/numerics/README.md");
    const all = Array.from(text.matchAll(/^\*\*(\(\d+\))\*\*/gm), ([, number]) => number!);
    const equations = all.filter((number) => !ELSEWHERE.includes(number));
    expect(equations.length).toBeGreaterThanOrEqual(11);
    for (const number of equations) expect(said.some((line) => line.startsWith(`${number} `))).toBe(true);
  });

  test("comes to the engine's bytes, in every tensor", () => {
    expect(Object.keys(result.byHand)).toEqual(["features", "total", "pooled", "shares", "directions"]);
    expect(result.engine).toEqual(result.byHand);
    expect(said.filter((line) => line.startsWith("engine: "))).toHaveLength(5);
    expect(said.join("\n")).not.toContain("differs");
  });

  test("stays near the float network", () => {
    const { s, z } = result.affines.pooled;
    result.float.pooled.forEach((real, i) => {
      expect(Math.abs(real - s * (result.byHand.pooled![i]! - z))).toBeLessThan(2 * s);
    });
  });

  test("its values are not trivial: codes of all signs, a relu that clamps, b of both channels", () => {
    expect(new Set(result.byHand.features).size).toBeGreaterThan(6);
    expect(result.byHand.features).toContain(-128);
    expect(result.byHand.features).toContain(127);
  });
});
