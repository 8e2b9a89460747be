import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile.ts";
import { DyadicError } from "../../src/error.ts";
import { importOnnx } from "../../src/import/onnx/index.ts";
import { simplify } from "../../src/passes/index.ts";
import { lower } from "../../src/quantize/lower.ts";
import { runReference } from "../../src/quantize/reference.ts";
import {
  attributes,
  buildOnnx,
  float,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  Type,
} from "../cases/onnx.ts";
import { gives, naiveConv, numbers, opsOf, runOnnx } from "../cases/onnx-run.ts";

const scalar = (value: number, type: number = Type.FLOAT): OnnxTensor => ({ dims: [], type, data: [value] });
const int8 = (dims: readonly number[], data: readonly number[], type: number = Type.INT8): OnnxTensor => ({
  dims,
  type,
  data,
});
const codes = (count: number, low = -127, high = 127) =>
  Array.from({ length: count }, (_, i) => low + ((i * 7919) % (high - low + 1)));
const toFloat = attributes({ to: Type.FLOAT });

/** What onnxruntime's quantize_dynamic makes of a convolution or a product with a bias: node for node. */
function dynamic(
  op: "ConvInteger" | "MatMulInteger",
  shape: readonly number[],
  weights: OnnxTensor,
): OnnxModel {
  const node: OnnxNode = {
    op,
    inputs: ["xq", "w", "xz", "wz"],
    outputs: ["acc"],
    attributes: op === "ConvInteger" ? attributes({ pads: [1, 1, 1, 1] }) : {},
  };
  return {
    inputs: [{ name: "x", shape }],
    outputs: ["y"],
    initializers: {
      w: weights,
      ws: scalar(Math.fround(0.02)),
      wz: scalar(weights.type === Type.UINT8 ? 131 : 3, weights.type ?? Type.INT8),
      b: float(op === "ConvInteger" ? [1, 2, 1, 1] : [2], [0.5, -0.25]),
    },
    nodes: [
      { op: "DynamicQuantizeLinear", inputs: ["x"], outputs: ["xq", "xs", "xz"] },
      { op: "Mul", inputs: ["xs", "ws"], outputs: ["scales"] },
      node,
      { op: "Cast", inputs: ["acc"], outputs: ["real"], attributes: toFloat },
      { op: "Mul", inputs: ["real", "scales"], outputs: ["scaled"] },
      { op: "Add", inputs: ["scaled", "b"], outputs: ["y"] },
    ],
  };
}

describe("dynamically quantized models enter as float ones, weights as their codes say", () => {
  const shape = [1, 3, 4, 4];
  const x = numbers(shape);

  test.each([Type.INT8, Type.UINT8])("ConvInteger, weights of type %i", (type) => {
    const shift = type === Type.UINT8 ? 128 : 0;
    const signed = codes(54);
    const weights = int8(
      [2, 3, 3, 3],
      signed.map((code) => code + shift),
      type,
    );
    const reals = signed.map((code) => Math.fround(0.02) * (code - 3));
    const sums = naiveConv(x, shape, reals, [2, 3, 3, 3], { pad: 1 });
    const expected = sums.map((sum, i) => sum + (i < 16 ? 0.5 : -0.25));
    const { simple } = gives(dynamic("ConvInteger", shape, weights), x, expected, 4);
    expect(opsOf(simple)).toEqual(["conv"]);
  });

  test("MatMulInteger with a scale and a zero point per column", () => {
    const model = dynamic("MatMulInteger", [1, 4], int8([4, 2], codes(8)));
    const initializers = { ...model.initializers, ws: float([2], [0.5, 0.25]), wz: int8([2], [1, -2]) };
    const row = [0.5, -1, 0.25, 2];
    const w = codes(8);
    const expected = [0, 1].map((n) => {
      const sum = row.reduce((so, value, k) => so + value * (w[2 * k + n]! - [1, -2][n]!), 0);
      return sum * [0.5, 0.25][n]! + [0.5, -0.25][n]!;
    });
    const { simple } = gives({ ...model, initializers }, row, expected, 4);
    expect(opsOf(simple)).toEqual(["dense"]);
  });

  test("static codes and a constant scale behind the product: an integer layer", () => {
    const model: OnnxModel = {
      inputs: [{ name: "x", shape: [1, 4] }],
      outputs: ["y"],
      initializers: {
        xs: scalar(0.5),
        xz: scalar(7, Type.INT8),
        w: int8([4, 2], codes(8)),
        m: scalar(0.125),
        ys: scalar(16),
        yz: scalar(-3, Type.INT8),
      },
      nodes: [
        { op: "QuantizeLinear", inputs: ["x", "xs", "xz"], outputs: ["xq"] },
        { op: "MatMulInteger", inputs: ["xq", "w", "xz"], outputs: ["acc"] },
        { op: "Cast", inputs: ["acc"], outputs: ["real"], attributes: toFloat },
        { op: "Mul", inputs: ["m", "real"], outputs: ["scaled"] },
        { op: "QuantizeLinear", inputs: ["scaled", "ys", "yz"], outputs: ["yq"] },
        { op: "DequantizeLinear", inputs: ["yq", "ys", "yz"], outputs: ["y"] },
      ],
    };
    const graph = lower(simplify(importOnnx(buildOnnx(model))));
    expect(graph.nodes.map(({ op }) => op)).toEqual(["dense"]);
    const x = [10, -20, 100, 7];
    const [w, out] = [codes(8), runReference(graph, [Int8Array.from(x)])[graph.outputs[0]!.tensor]!];
    const expected = [0, 1].map((n) => {
      const acc = x.reduce((sum, code, k) => sum + (code - 7) * w[2 * k + n]!, 0);
      return Math.max(-128, Math.min(127, Math.floor((acc * 0.125) / 16 + 0.5) - 3));
    });
    expect(Array.from(out)).toEqual(expected);
  });

  test("an int32 result that is not scaled back is refused, and says what would do", () => {
    const model = dynamic("MatMulInteger", [1, 4], int8([4, 2], codes(8)));
    expect(() => importOnnx(buildOnnx({ ...model, outputs: ["acc"] }))).toThrow(
      /integers that are not scaled back to reals[\s\S]*quantize_dynamic[\s\S]*statically/,
    );
  });
});

describe("codes below 8 bits", () => {
  const packed = (values: readonly number[], bits: number) => {
    const perByte = 8 / bits;
    return Array.from({ length: Math.ceil(values.length / perByte) }, (_, byte) =>
      values
        .slice(byte * perByte, (byte + 1) * perByte)
        .reduce((sum, value, i) => sum | ((value & (2 ** bits - 1)) << (bits * i)), 0),
    );
  };
  const signed = [-8, 7, 3, -1, 0, 5, -6, 2];
  const twos = [-2, 1, 0, -1, 1, 1, -2, 0];

  test.each([
    { name: "int4", type: Type.INT4, bits: 4, values: signed, zero: 0, codes: signed, packedBits: 4 },
    {
      name: "uint4",
      type: Type.UINT4,
      bits: 4,
      values: signed.map((c) => c + 8),
      zero: 8,
      codes: signed,
      packedBits: 4,
    },
    { name: "int2", type: Type.INT2, bits: 2, values: twos, zero: 0, codes: twos, packedBits: 2 },
    {
      name: "uint2",
      type: Type.UINT2,
      bits: 2,
      values: twos.map((c) => c + 2),
      zero: 2,
      codes: twos,
      packedBits: 2,
    },
    {
      name: "uint4 around another zero point, in bytes",
      type: Type.UINT4,
      bits: 4,
      values: signed.map((c) => c + 8),
      zero: 5,
      codes: signed.map((c) => c + 3),
      packedBits: undefined,
    },
  ])("weights of $name", ({ type, bits, values, zero, codes: expected, packedBits }) => {
    const model: OnnxModel = {
      inputs: [{ name: "x", shape: [1, 4] }],
      outputs: ["y"],
      initializers: {
        w: { dims: [4, 2], type, data: packed(values, bits) },
        s: scalar(0.5),
        z: { dims: [], type, data: packed([zero], bits) },
      },
      nodes: [
        { op: "DequantizeLinear", inputs: ["w", "s", "z"], outputs: ["wr"] },
        { op: "MatMul", inputs: ["x", "wr"], outputs: ["y"] },
      ],
      opset: 25,
    };
    const row = [1, -2, 0.5, 3];
    const sums = [0, 1].map((n) => row.reduce((sum, x, k) => sum + x * 0.5 * expected[2 * k + n]!, 0));
    const { graph } = gives(model, row, sums);
    const weights = graph.tensors[graph.nodes[0]!.inputs[1]!]!;
    expect(weights.quantization?.bits).toBe(packedBits);
  });

  test("a narrow activation between layers stays narrow in the engine's graph", () => {
    const q = (from: string, to: string, scale: string, zero: string): OnnxNode[] => [
      { op: "QuantizeLinear", inputs: [from, scale, zero], outputs: [`${to}q`] },
      { op: "DequantizeLinear", inputs: [`${to}q`, scale, zero], outputs: [to] },
    ];
    const model: OnnxModel = {
      inputs: [{ name: "x", shape: [1, 2, 4, 4] }],
      outputs: ["y"],
      initializers: {
        s: scalar(0.5),
        z: scalar(0, Type.INT8),
        s4: scalar(4),
        z4: { dims: [], type: Type.UINT4, data: [2] },
        w: float([2, 2, 1, 1], [1, -1, 0.5, 2]),
        ws: scalar(0.5),
        wz: scalar(0, Type.INT8),
      },
      nodes: [
        ...q("x", "x8", "s", "z"),
        ...q("w", "w8", "ws", "wz"),
        { op: "Conv", inputs: ["x8", "w8"], outputs: ["c"] },
        ...q("c", "c4", "s4", "z4"),
        { op: "Conv", inputs: ["c4", "w8"], outputs: ["d"] },
        ...q("d", "y", "s", "z"),
      ],
      opset: 21,
    };
    const graph = lower(simplify(importOnnx(buildOnnx(model))));
    expect(graph.tensors.map(({ bits, zeroPoint }) => [bits ?? 8, zeroPoint])).toEqual([
      [8, 0],
      [4, -6],
      [8, 0],
    ]);
  });
});

describe("what integers a model may take and give", () => {
  test("uint8 codes stay uint8 through what only moves them, to the model's output", () => {
    const model: OnnxModel = {
      inputs: [{ name: "x", type: Type.UINT8, shape: [1, 1, 2, 2] }],
      outputs: ["y"],
      nodes: [
        { op: "MaxPool", inputs: ["x"], outputs: ["p"], attributes: attributes({ kernel_shape: [1, 2] }) },
        { op: "Transpose", inputs: ["p"], outputs: ["y"], attributes: attributes({ perm: [0, 1, 3, 2] }) },
      ],
    };
    const { graph } = runOnnx(model, [[-128, 3, 100, -5]]);
    expect(graph.outputs[0]).toMatchObject({ dtype: "uint8", shape: [1, 1, 1, 2] });
  });

  test.each([Type.UINT8, Type.INT32, Type.INT64])(
    "an input of type %i that is only cast is taken as reals",
    (type) => {
      const model: OnnxModel = {
        inputs: [{ name: "x", type, shape: [1, 2] }],
        outputs: ["y"],
        initializers: { d: scalar(255) },
        nodes: [
          { op: "Cast", inputs: ["x"], outputs: ["f"], attributes: toFloat },
          { op: "Div", inputs: ["f", "d"], outputs: ["y"] },
        ],
      };
      const { graph } = gives(model, [255, 51], [1, 0.2]);
      expect(graph.inputs[0]!.dtype).toBe("float32");
    },
  );
});

/** The message of a QDQ model whose one convolution has this weight, scale and zero point of its input. */
async function refusal(
  initializers: OnnxModel["initializers"],
  axis: OnnxNode["attributes"] = {},
): Promise<string> {
  const model: OnnxModel = {
    inputs: [{ name: "x", shape: [1, 4] }],
    outputs: ["y"],
    initializers: {
      w: int8([4, 2], codes(8)),
      ws: scalar(1),
      wz: scalar(0, Type.INT8),
      xs: scalar(1),
      ...initializers,
    },
    nodes: [
      { op: "QuantizeLinear", name: "in", inputs: ["x", "xs", "xz"], outputs: ["q"] },
      { op: "DequantizeLinear", name: "out", inputs: ["q", "xs", "xz"], outputs: ["r"] },
      {
        op: "DequantizeLinear",
        name: "weights",
        inputs: ["w", "ws", "wz"],
        outputs: ["wr"],
        attributes: axis ?? {},
      },
      { op: "MatMul", name: "layer", inputs: ["r", "wr"], outputs: ["y"] },
    ],
    opset: 21,
  };
  try {
    await compile(buildOnnx(model), { file: "m.onnx" });
  } catch (error) {
    if (error instanceof DyadicError) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("quantizations that Dyadic does not have are refused by name", () => {
  test("16-bit activations", async () => {
    expect(await refusal({ xz: { dims: [1], type: 5, data: [0], typed: true } })).toBe(
      `m.onnx, node "in", QuantizeLinear: an activation is not quantized to 8 bits or fewer with one scale
  expected: int8, uint8, int4, uint4, int2, uint2; per tensor
  found: int16, 1 scale
  hint: quantize activations to int8 or uint8, or give the float model and let Dyadic quantize it`,
    );
  });

  test("weights quantized in blocks", async () => {
    const blocks = {
      ws: float([2, 2], [1, 1, 1, 1]),
      wz: int8([2, 2], [0, 0, 0, 0]),
      xz: scalar(0, Type.INT8),
    };
    expect(await refusal(blocks, attributes({ axis: 0, block_size: 2 }))).toBe(
      `m.onnx, node "weights", DequantizeLinear: quantization in blocks is not supported
  expected: one scale for a tensor, or one for a channel
  found: blocks of 2, scales [2, 2] for [4, 2]
  hint: quantize the weights per channel or per tensor`,
    );
  });
});
