import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { KIND_HEADER } from "../../assembly/abi.ts";
import { compile, compileGraph, PRODUCER } from "../../src/compile.ts";
import { decodeHeader } from "../../src/model/header.ts";
import { readModel } from "../../src/model/reader.ts";
import { opNamed } from "../../src/ops/index.ts";
import { loadModel } from "../../src/runtime/engine.ts";
import { openEngine, runModel } from "../cases/engine.ts";
import { randomGraph } from "../cases/graphs.ts";
import { resNet } from "../cases/networks.ts";
import { buildOnnx, ints } from "../cases/onnx.ts";
import { single } from "../cases/onnx-run.ts";

describe("compileGraph", () => {
  it("is pure: the same graph gives the same bytes", () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(compileGraph(randomGraph(seed)).model).toEqual(compileGraph(randomGraph(seed)).model);
    }
  });

  it("tells tools where the model came from, unless stripped", () => {
    const { model, integer } = compileGraph(
      resNet(1),
      { file: "some/folder/resnet.tflite" },
      new Uint8Array(32).fill(9),
    );
    const section = readModel(model).sections.find(({ kind }) => kind === KIND_HEADER)!;
    const header = decodeHeader(section.bytes);
    expect(header).toMatchObject({ model: "resnet-1", producer: PRODUCER, sourceFile: "resnet.tflite" });
    expect(header.layers.map(({ op }) => op)).toEqual(integer.nodes.map(({ op }) => op));
    expect(readModel(compileGraph(resNet(1), { strip: true }).model).sections.length).toBe(3);
  });

  it("gives labels to the output that has as many channels", () => {
    const labels = Array.from({ length: 10 }, (_, i) => `class ${i}`);
    const { io } = readModel(compileGraph(resNet(1), { labels }).model);
    expect(io.find(({ role }) => role === "output")!.labels).toEqual(labels);
    expect(() => compileGraph(resNet(1), { labels: ["one"] })).toThrow(/as many channels/);
  });

  it("names the file of what it cannot read", async () => {
    await expect(compile(new Uint8Array(100), { file: "x.bin" })).rejects.toThrow(/^x\.bin: /);
  });

  it("states the package's version", () => {
    const { name, version } = JSON.parse(
      readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
    );
    expect(PRODUCER).toBe(`${name} ${version}`);
  });
});

describe("compile", () => {
  it.each([2 ** 17 + 1, 2 ** 40 + 2])("takes a slice of one element whose step is %d", async (step) => {
    const slice = { s: ints([1]), e: ints([3]), a: ints([2]), t: ints([step]) };
    const { integer, model } = await compile(buildOnnx(single("Slice", [1, 1, 3, 2], slice)), {
      calibration: (graph) => new Map(graph.tensors.map((_, tensor) => [tensor, { min: -1, max: 1 }])),
    });
    const engine = await openEngine("engine");
    loadModel(engine, model, "m.dyad");
    expect(`${runModel(engine, integer, [Int8Array.of(1, 2, 3, 4, 5, 6)])}`).toBe("3,4");
  });
});

it("refuses a convolution in one and a half groups", () => {
  const attributes = {
    stride: [1, 1],
    dilation: [1, 1],
    padding: [0, 0, 0, 0],
    activation: "none",
    groups: 1.5,
  };
  const shapes = [
    [1, 8, 8, 3],
    [3, 3, 3, 2],
  ];
  expect(() => opNamed("conv").shape(shapes, attributes)).toThrow(/do not fit/);
});
