import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { DyadicError } from "../../src/error.ts";
import type { Graph } from "../../src/graph/graph.ts";
import {
  decodeHeader,
  modelDigest,
  readModel,
  readPlan,
  sha256,
  verifyDigest,
  writeModel,
} from "../../src/model/index.ts";
import { opNamed } from "../../src/ops/index.ts";
import { type Layout, plan } from "../../src/plan/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { GraphBuilder } from "../cases/builder.ts";
import { randomGraph } from "../cases/graphs.ts";
import { Random } from "../cases/random.ts";

const HEADER = {
  model: "m",
  producer: "test",
  sourceFile: "m.tflite",
  sourceSha256: new Uint8Array(32).fill(7),
  layers: [{ name: "first", op: "conv" }],
  values: [{ name: "x", scale: 0.5 }],
  policy: "{}",
  metadata: { key: "value" },
};

function written(graph: Graph): { file: Uint8Array; layout: Layout; integer: ReturnType<typeof lower> } {
  const integer = lower(graph);
  const layout = plan(integer);
  return { file: writeModel(integer, layout, HEADER), layout, integer };
}

describe("sha256", () => {
  it("agrees with node:crypto at every length around the block size", () => {
    const bytes = new Uint8Array(new Random(5).codes(300).buffer);
    for (const length of [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 300]) {
      const part = bytes.subarray(0, length);
      expect(Buffer.from(sha256(part)).toString("hex")).toBe(createHash("sha256").update(part).digest("hex"));
    }
  });
});

describe("a model file", () => {
  it("says on reading what was written", () => {
    for (let seed = 0; seed < 60; seed++) {
      const { file, layout, integer } = written(randomGraph(seed));
      const model = readModel(file);
      const { tensors, steps } = readPlan(model);
      expect(model.arenaBytes).toBe(layout.peakBytes);
      tensors.forEach((tensor, i) => {
        const { shape, zeroPoint } = integer.tensors[i]!;
        expect(tensor).toEqual({ dtype: abi.DTYPE_INT8, shape, zeroPoint, ...layout.placements[i]! });
      });
      const nodes = steps.slice(integer.inputs.length, -integer.outputs.length);
      nodes.forEach((step, k) => {
        const node = integer.nodes[k]!;
        expect(step.opcode).toBe(opNamed(node.op).opcode);
        expect([step.inputs, step.outputs]).toEqual([node.inputs, [node.output]]);
        expect([step.scratchAt, step.scratchBytes]).toEqual(Object.values(layout.scratch[k]!));
        expect(model.features & (1n << BigInt(step.opcode))).not.toBe(0n);
      });
      expect(nodes.length).toBe(integer.nodes.length);
      const borders = [...integer.inputs, ...integer.outputs];
      model.io.forEach((record, i) => {
        const border = borders[i]!;
        const tensor = integer.tensors[border.tensor]!;
        expect(record).toEqual({
          name: border.name,
          role: i < integer.inputs.length ? "input" : "output",
          tensor: border.tensor,
          dtype: border.dtype,
          bytes: tensor.shape[0] * tensor.shape[1] * tensor.shape[2],
          scale: Math.fround(tensor.scale),
          zeroPoint: tensor.zeroPoint + (border.dtype === "uint8" ? 128 : 0),
          ...(border.labels && { labels: border.labels }),
          shape: border.shape,
          layout: border.layout,
          canonicalShape: tensor.shape,
        });
      });
      const header = model.sections.find(({ kind }) => kind === abi.KIND_HEADER)!;
      expect(decodeHeader(header.bytes)).toEqual(HEADER);
      verifyDigest(file);
    }
  });

  it("has aligned sections, zero padding, and weights that lie aligned inside their section", () => {
    for (let seed = 0; seed < 30; seed++) {
      const { file } = written(randomGraph(seed));
      const model = readModel(file);
      const used = new Uint8Array(file.length).fill(0);
      used.fill(1, 0, abi.PREFIX_BYTES + model.sections.length * abi.SECTION_ENTRY_BYTES);
      for (const { bytes } of model.sections) {
        expect((bytes.byteOffset - file.byteOffset) % abi.SECTION_ALIGNMENT).toBe(0);
        used.fill(1, bytes.byteOffset, bytes.byteOffset + bytes.length);
      }
      expect(file.every((byte, at) => used[at] === 1 || byte === 0)).toBe(true);
      for (const step of readPlan(model).steps) {
        if (![abi.OP_CONV, abi.OP_DENSE, abi.OP_DEPTHWISE].includes(step.opcode)) continue;
        for (const field of [abi.CONV_WEIGHTS_AT, abi.CONV_BIAS_AT, abi.CONV_MULTIPLIER_AT]) {
          expect(step.words[field / 4]! % abi.WEIGHTS_ALIGNMENT).toBe(0);
        }
      }
    }
  });

  it("is the same bytes every time, and the header does not touch the engine's sections", () => {
    const [a, b] = [written(randomGraph(3)), written(randomGraph(3))];
    expect(a.file).toEqual(b.file);
    const stripped = readModel(writeModel(a.integer, a.layout));
    const full = readModel(a.file);
    expect(stripped.sections.map(({ bytes }) => bytes)).toEqual(
      full.sections.slice(0, 3).map(({ bytes }) => bytes),
    );
  });

  it("stores every array of a step behind those of the steps before, so that engines may permute them in place", () => {
    const builder = new GraphBuilder("twins");
    const affine = { scale: 1, zeroPoint: 0 };
    let x = builder.input([1, 64], affine);
    for (let i = 0; i < 3; i++) {
      const quantization = { scale: [0.01], zeroPoint: [0], axis: null };
      const weights = builder.constant(
        new Random(9).codes(64 * 64, -127, 127),
        [64, 64],
        "int8",
        quantization,
      );
      x = builder.node("dense", [x, weights], { activation: "none" }, affine);
    }
    builder.output(x);
    const { steps, weightBytes } = readPlan(readModel(written(builder.build()).file));
    const fields = [abi.CONV_WEIGHTS_AT, abi.CONV_BIAS_AT, abi.CONV_MULTIPLIER_AT];
    const places = steps.slice(1, -1).flatMap(({ words }) => fields.map((field) => words[field / 4]!));
    const sizes = [64 * 64, 64 * 4, 64 * 4];
    const ends = places.map((at, i) => at + sizes[i % 3]!);
    expect(places).toEqual([0, ...ends.slice(0, -1)]);
    expect(ends.at(-1)).toBe(weightBytes);
  });

  it("refuses a line break in a label", () => {
    const graph = randomGraph(1);
    const outputs = graph.outputs.map((border) => ({ ...border, labels: ["a\nb"] }));
    expect(() => written({ ...graph, outputs })).toThrow(/line break/);
  });
});

describe("readers of a hostile file", () => {
  const { file } = written(randomGraph(4));
  const changed = (change: (view: DataView) => void): Uint8Array => {
    const copy = file.slice();
    change(new DataView(copy.buffer));
    return copy;
  };
  const code = (bytes: Uint8Array): [string, string] => {
    try {
      readPlan(readModel(bytes, "m.dyad"));
    } catch (error) {
      if (error instanceof DyadicError) return [error.code, error.message];
      throw error;
    }
    return ["OK", ""];
  };

  it("names what is wrong", () => {
    expect(code(file)).toEqual(["OK", ""]);
    expect(code(new Uint8Array(10))[0]).toBe("BAD_FILE");
    expect(code(changed((v) => v.setUint32(0, 1)))[1]).toMatch(/^m\.dyad: this is not a Dyadic model/);
    expect(code(changed((v) => v.setUint16(abi.PREFIX_MAJOR, 9, true)))[0]).toBe("UNSUPPORTED_VERSION");
    expect(code(changed((v) => v.setUint16(abi.PREFIX_MINOR, 9, true)))[0]).toBe("UNSUPPORTED_VERSION");
    expect(code(file.subarray(0, file.length - 64))[1]).toMatch(/cut short/);
    const entry = (section: number, field: number) =>
      abi.PREFIX_BYTES + section * abi.SECTION_ENTRY_BYTES + field;
    expect(code(changed((v) => v.setUint32(entry(0, abi.SECTION_OFFSET), 2 ** 31, true)))[1]).toMatch(
      /section 0/,
    );
    expect(code(changed((v) => v.setUint32(entry(1, abi.SECTION_BYTES), 2 ** 31, true)))[1]).toMatch(
      /section 1/,
    );
    expect(code(changed((v) => v.setUint32(entry(2, abi.SECTION_KIND), 77, true)))[1]).toMatch(/kind 77/);
    expect(code(changed((v) => v.setUint32(entry(3, abi.SECTION_KIND), 77, true)))[0]).toBe("OK");
    const io = new DataView(file.buffer).getUint32(entry(0, abi.SECTION_OFFSET), true);
    const record = io + abi.IO_HEADER_BYTES;
    expect(code(changed((v) => v.setInt32(record + abi.IO_DTYPE, 9, true)))[1]).toMatch(
      /io record 0: the dtype/,
    );
    expect(code(changed((v) => v.setInt32(record + abi.IO_NAME_BYTES, 1e9, true)))[1]).toMatch(/the name/);
    expect(code(changed((v) => v.setUint32(io, 2 ** 30, true)))[1]).toMatch(/io section/);
  });

  it("notices a changed byte by the digest", () => {
    const bytes = changed((v) => v.setUint8(file.length - 1, 1));
    expect(() => verifyDigest(bytes, "m.dyad")).toThrow(/digest/);
    expect(modelDigest(bytes)).not.toEqual(modelDigest(file));
  });

  it("throws nothing but DyadicError on 4000 mutations", () => {
    const random = new Random(99);
    const extremes = [0, 1, -1, 0x7fffffff, -0x80000000, 64, 4096, 65536];
    let refused = 0;
    for (let i = 0; i < 4000; i++) {
      const bytes = changed((view) => {
        for (let n = random.integer(1, 4); n > 0; n--) {
          const at = random.chance(0.7)
            ? random.integer(0, 150) * 4
            : random.integer(0, view.byteLength / 4 - 1) * 4;
          if (random.chance(0.5)) view.setInt32(at, random.pick(extremes), true);
          else view.setUint8(at + random.integer(0, 3), random.integer(0, 255));
        }
      });
      const cut = random.chance(0.1) ? bytes.subarray(0, random.integer(0, bytes.length)) : bytes;
      if (code(cut)[0] !== "OK") refused++;
      try {
        for (const { kind, bytes } of readModel(cut).sections)
          if (kind === abi.KIND_HEADER) decodeHeader(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DyadicError);
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});
