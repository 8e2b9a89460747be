import { expect, test } from "vitest";
import { topK } from "../../src/cli/labels.ts";

test("ranks by code, the lowest index first of equals", () => {
  const ranked = topK(Int8Array.of(-128, 5, 127, 5), 1 / 256, -128, ["a", "b", "c", "d"], 3);
  expect(ranked).toEqual([
    { index: 2, label: "c", code: 127, score: 255 / 256 },
    { index: 1, label: "b", code: 5, score: 133 / 256 },
    { index: 3, label: "d", code: 5, score: 133 / 256 },
  ]);
});

test("calls a class by its index where there is no label, and gives no more than there are", () => {
  expect(topK(Uint8Array.of(1, 2), 1, 0, undefined, 5).map(({ label }) => label)).toEqual(["1", "0"]);
  expect(topK(Uint8Array.of(1, 2), 1, 0, ["only"], 1)).toEqual([{ index: 1, label: "1", code: 2, score: 2 }]);
  expect(topK(new Int8Array(0), 1, 0, [], 1)).toEqual([]);
});
