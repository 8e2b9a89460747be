import { describe, expect, test } from "vitest";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { UNARY } from "../cases/float-ops.ts";
import { buildOnnx, float, type OnnxModel, type OnnxNode } from "../cases/onnx.ts";
import { gives, numbers, opsOf, single } from "../cases/onnx-run.ts";

describe("functions", () => {
  const x = [-4, -2, -0.5, 0, 0.5, 2, 4, 7];
  test.each<[string, string, Record<string, { f: number }>, (v: number) => number]>([
    ["Relu", "requantize", {}, (v) => Math.max(0, v)],
    ["Sigmoid", "unary", {}, (v) => 1 / (1 + Math.exp(-v))],
    ["Tanh", "unary", {}, Math.tanh],
    ["HardSigmoid", "unary", { alpha: { f: 0.5 } }, (v) => Math.min(1, Math.max(0, 0.5 * v + 0.5))],
    ["HardSwish", "unary", {}, UNARY.hardSwish as (v: number) => number],
    ["LeakyRelu", "unary", { alpha: { f: 0.25 } }, (v) => (v < 0 ? v / 4 : v)],
    ["Elu", "unary", {}, (v) => (v < 0 ? Math.exp(v) - 1 : v)],
    ["Gelu", "unary", {}, UNARY.gelu as (v: number) => number],
  ])("%s", (op, ours, given, expected) => {
    const { graph } = gives(single(op, [1, 8], {}, given, 20), x, x.map(expected));
    expect(opsOf(graph)).toEqual([ours]);
  });

  test.each<[string, number, number, string]>([
    ["0 to 6", 0, 6, "requantize"],
    ["-1 to 1", -1, 1, "requantize"],
    ["others", -3, 2, "unary"],
  ])("Clip %s", (_, min, max, op) => {
    const model = single("Clip", [1, 8], { min: float([], [min]), max: float([], [max]) });
    expect(
      opsOf(
        gives(
          model,
          x,
          x.map((v) => Math.min(max, Math.max(min, v))),
        ).graph,
      ),
    ).toEqual([op]);
    gives(
      single("Clip", [1, 8], {}, { min: { f: min }, max: { f: max } }, 7),
      x,
      x.map((v) => Math.min(max, Math.max(min, v))),
    );
  });

  test.each<[string, string, readonly OnnxNode[]]>([
    [
      "hard-swish",
      "hardSwish",
      [
        { op: "Add", inputs: ["x", "three"], outputs: ["a"] },
        { op: "Clip", inputs: ["a", "zero", "six"], outputs: ["b"] },
        { op: "Mul", inputs: ["x", "b"], outputs: ["c"] },
        { op: "Div", inputs: ["c", "six"], outputs: ["y"] },
      ],
    ],
    [
      "hard-swish of a hard-sigmoid",
      "hardSwish",
      [
        { op: "HardSigmoid", inputs: ["x"], outputs: ["a"], attributes: { alpha: { f: 1 / 6 } } },
        { op: "Mul", inputs: ["a", "x"], outputs: ["y"] },
      ],
    ],
    [
      "gelu",
      "gelu",
      [
        { op: "Div", inputs: ["x", "root"], outputs: ["a"] },
        { op: "Erf", inputs: ["a"], outputs: ["b"] },
        { op: "Add", inputs: ["b", "one"], outputs: ["c"] },
        { op: "Mul", inputs: ["x", "c"], outputs: ["d"] },
        { op: "Mul", inputs: ["d", "half"], outputs: ["y"] },
      ],
    ],
    [
      "silu",
      "silu",
      [
        { op: "Sigmoid", inputs: ["x"], outputs: ["a"] },
        { op: "Mul", inputs: ["x", "a"], outputs: ["y"] },
      ],
    ],
  ])("the parts of %s are put together", (_, name, nodes) => {
    const scalars = { zero: 0, one: 1, three: 3, six: 6, half: 0.5, root: Math.SQRT2 };
    const initializers = Object.fromEntries(
      Object.entries(scalars).map(([key, value]) => [key, float([], [value])]),
    );
    const model: OnnxModel = { inputs: [{ name: "x", shape: [1, 8] }], outputs: ["y"], initializers, nodes };
    const { simple } = gives(
      model,
      x,
      x.map((v) => UNARY[name]!(v, 0, 0)),
    );
    expect(simple.nodes).toMatchObject([{ op: "unary", attributes: { function: name } }]);
  });

  test("arithmetic with constants broadcasts in the image's own order", () => {
    const image = numbers([1, 3, 2, 2]);
    const by = [2, 3, 5];
    const one = (op: string) => single(op, [1, 3, 2, 2], { c: float([3, 1, 1], by) });
    const each = (compute: (v: number, c: number) => number) =>
      image.map((v, i) => compute(v, by[Math.floor(i / 4)]!));
    gives(
      one("Mul"),
      image,
      each((v, c) => v * c),
    );
    gives(
      one("Div"),
      image,
      each((v, c) => v / c),
    );
    gives(
      one("Sub"),
      image,
      each((v, c) => v - c),
    );
    gives(
      one("PRelu"),
      image,
      each((v, c) => (v < 0 ? v * c : v)),
    );
  });

  test("a relu that somebody else reads around stays on its own", () => {
    const model: OnnxModel = {
      ...single("Add", [1, 2]),
      outputs: ["a", "y"],
      nodes: [
        { op: "Add", inputs: ["x", "x"], outputs: ["a"] },
        { op: "Relu", inputs: ["a"], outputs: ["y"] },
      ],
    };
    expect(opsOf(simplify(importOnnx(buildOnnx(model))))).toEqual(["add", "requantize"]);
  });
});
