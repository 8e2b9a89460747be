import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { KIND_HEADER } from "../../assembly/abi.ts";
import { compile, compileGraph, PRODUCER } from "../../src/compile.ts";
import { decodeHeader } from "../../src/model/header.ts";
import { readModel } from "../../src/model/reader.ts";
import { randomGraph } from "../cases/graphs.ts";
import { resNet } from "../cases/networks.ts";

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
