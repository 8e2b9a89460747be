import { describe, expect, test } from "vitest";
import { compile, compileGraph, isFloat } from "../../src/compile.ts";
import { DyadicError } from "../../src/error.ts";
import { importTflite } from "../../src/import/tflite/index.ts";
import * as schema from "../../src/import/tflite/schema.generated.ts";
import { decodeHeader } from "../../src/model/header.ts";
import { readModel } from "../../src/model/reader.ts";
import { simplify } from "../../src/passes/index.ts";
import { describe as describeModel } from "../../src/report/describe.ts";
import { InferenceSession } from "../../src/runtime/node.ts";
import { LSTM_INPUT, lstmModel, TAPS, TIMES } from "../cases/lstm.ts";
import { samples } from "../cases/models.ts";
import { buildTflite, type TfliteModel, type TfliteTensor } from "../cases/tflite.ts";

const { BuiltinOperator: Op, BuiltinOptions: T, TensorType: Type, Fused } = schema;
const affine = { scale: [0.5], zeroPoint: [3] };

function failure(action: () => unknown): DyadicError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(DyadicError);
    return error as DyadicError;
  }
  throw new Error("nothing was thrown");
}

/** What TensorFlow Lite 2.21 makes of LSTM_INPUT, two sequences without a reset between them; with a clip of 0.5. */
const PLAIN = [
  5, 8, 11, -14, 29, 16, -2, 21, 11, 11, -4, 7, -11, 1, 40, -5, 2, 20, 2, 12, 16, -15, -4, 3, 7, 13, 26, -13,
  -7, -16, -2, 20, 23, 1, 33, 4, -13, 20, 38, 0, 22, 11, 25, 17, -3, 17, 12, -4, 16, 9, 32, -8, -11, 4, 5, 18,
  29, -14, -29, 19, 10, 9, 79, -3, -61, 62, -1, 15, 26, -15, 6, 1, 21, 19, -2, -5, -12, -14, -2, 1, 24, 25,
  -6, -14,
];
const CLIPPED = [
  ...PLAIN.slice(0, 62),
  ...[61, 0, -53, 53, 0, 15, 23, -10, 7, -1, 21, 19, -3, 6, -10, -15, -2, 1, 24, 29, -6, -14],
];

describe("LSTM", () => {
  test.each([
    ["", {}, PLAIN],
    [" with a clipped cell state", { cellClip: 0.5 }, CLIPPED],
  ])(
    "equals TensorFlow Lite's%s to one code, its states going on from run to run",
    async (_, options, expected) => {
      const { model } = await compile(lstmModel(options));
      const session = await InferenceSession.create(model);
      const run = () =>
        samples(LSTM_INPUT, TIMES * TAPS).flatMap((x) => [...Object.values(session.runSync({ x }))[0]!.data]);
      const first = run();
      const off = first.map((code, i) => Math.abs(code - expected[i]!));
      expect(Math.max(...off)).toBeLessThanOrEqual(1);
      expect(off.filter((error) => error > 0).length).toBeLessThanOrEqual(8);
      expect(run()).not.toEqual(first);
      session.reset();
      expect(run()).toEqual(first);
    },
  );

  test("shows its states, and takes a sequence in parts", async () => {
    const graph = importTflite(lstmModel());
    expect(graph.states!.map(({ name }) => name)).toEqual(["hidden", "cell"]);
    const whole = await InferenceSession.create(compileGraph(graph).model);
    const parts = await InferenceSession.create(compileGraph(graph, { stream: 1 }).model);
    const [x] = samples(LSTM_INPUT, TIMES * TAPS) as [Int8Array];
    const steps = samples(x, TAPS).flatMap((row) => [...parts.runSync({ x: row }).y!.data]);
    expect(steps).toEqual([...whole.runSync({ x }).y!.data]);
    expect(describeModel(compileGraph(graph).model, "m").states.map(({ bytes }) => bytes)).toEqual([6, 12]);
  });

  test.each([["projection"], ["peephole"]])("with a %s is refused", (part) => {
    const error = failure(() => importTflite(lstmModel({ [part]: 1 })));
    expect(error).toMatchObject({ code: "UNSUPPORTED_OP", place: { op: "UNIDIRECTIONAL_SEQUENCE_LSTM" } });
  });
});

/** A chain of a convolution and what comes behind it. */
function convAnd(
  behind: readonly [code: number, output: TfliteTensor, more?: readonly TfliteTensor[]][],
): TfliteModel {
  const tensors: TfliteTensor[] = [
    { name: "x", shape: [1, 4, 4, 2], ...affine },
    { name: "w", shape: [3, 1, 1, 2], scale: [0.1], data: Int8Array.of(1, 2, 3, 4, 5, 6) },
    { name: "conv", shape: [1, 4, 4, 3], ...affine },
  ];
  const options = (b: import("flatbuffers").Builder) =>
    [T.Conv2DOptions, schema.Conv2DOptions.createConv2DOptions(b, 0, 1, 1, Fused.NONE, 1, 1)] as const;
  const operators: TfliteModel["operators"][number][] = [
    { code: Op.CONV_2D, inputs: [0, 1], outputs: [2], options },
  ];
  let last = 2;
  for (const [code, output, more = []] of behind) {
    const others = more.map((tensor) => tensors.push(tensor) - 1);
    const at = tensors.push(output) - 1;
    operators.push({ code, inputs: [last, ...others], outputs: [at] });
    last = at;
  }
  return { tensors, operators, inputs: [0], outputs: [last] };
}

const FLOAT = { type: Type.FLOAT32 };

describe("what stands behind the layers", () => {
  test("a DEQUANTIZE gives the codes, with their scale", async () => {
    const model = convAnd([[Op.DEQUANTIZE, { name: "y", shape: [1, 4, 4, 3], ...FLOAT }]]);
    const graph = importTflite(buildTflite(model));
    expect(graph.notes).toBeUndefined();
    const session = await InferenceSession.create(compileGraph(graph).model);
    expect(session.outputMetadata[0]).toMatchObject({ name: "y", type: "int8", scale: 0.5, zeroPoint: 3 });
  });

  test("a float tail is cut off, and noted in the graph, the header and the description", async () => {
    const model = convAnd([
      [Op.DEQUANTIZE, { name: "reals", shape: [1, 4, 4, 3], ...FLOAT }],
      [Op.LOGISTIC, { name: "probability", shape: [1, 4, 4, 3], ...FLOAT }],
      [Op.CUSTOM, { name: "boxes", shape: [1, 4], ...FLOAT }],
    ]);
    const { graph, model: file } = await compile(buildTflite(model));
    expect(graph.outputs.map(({ name }) => name)).toEqual(["conv"]);
    const [note] = graph.notes!;
    expect(note).toMatch(
      /LOGISTIC x1 \("probability"\); custom operator "" x1 \("boxes"\); the outputs are "conv"/,
    );
    const header = readModel(file, "m").sections.find(({ kind }) => kind === 4)!;
    expect(decodeHeader(header.bytes).metadata["import.notes"]).toBe(note);
    expect(describeModel(file, "m").notes).toEqual([note]);
  });

  test("a layer behind what is not supported is no tail", () => {
    const { tensors, operators } = convAnd([[Op.COS, { name: "cos", shape: [1, 4, 4, 3], ...affine }]]);
    const last = tensors.length - 1;
    const more = [
      ...tensors,
      { name: "w2", shape: [1, 1, 1, 3], scale: [0.1], data: Int8Array.of(1, 2, 3) },
      { name: "y", shape: [1, 4, 4, 1], ...affine },
    ];
    const second = { ...operators[0]!, inputs: [last, last + 1], outputs: [last + 2] };
    const file = buildTflite({
      tensors: more,
      operators: [...operators, second],
      inputs: [0],
      outputs: [last + 2],
    });
    const error = failure(() => importTflite(file));
    expect(error).toMatchObject({ code: "UNSUPPORTED_OP", place: { found: 'COS x1 ("cos")' } });
  });
});

test("arg-max over more than 256 channels gives an int32, up to 256 a uint8", async () => {
  const channels = 300;
  const file = buildTflite({
    tensors: [
      { name: "x", shape: [1, 2, channels], ...affine },
      { shape: [1], type: Type.INT32, data: Int32Array.of(2) },
      { name: "y", shape: [1, 2], type: Type.INT64 },
    ],
    operators: [{ code: Op.ARG_MAX, inputs: [0, 1], outputs: [2] }],
    inputs: [0],
    outputs: [2],
  });
  const session = await InferenceSession.create(compileGraph(importTflite(file)).model);
  const x = new Int8Array(2 * channels);
  x[290] = 5;
  x[channels + 7] = 9;
  const { y } = session.runSync({ x });
  expect(y).toMatchObject({ type: "int32", dims: [1, 2], data: Int32Array.of(290, 7), zeroPoint: 0 });
});

test("float borders and bytes without a scale are what QUANTIZE and CAST make of them", async () => {
  const file = buildTflite({
    tensors: [
      { name: "x", shape: [1, 3], type: Type.UINT8 },
      { name: "reals", shape: [1, 3], ...FLOAT },
      { name: "codes", shape: [1, 3], scale: [2], zeroPoint: [-128] },
      { name: "y", shape: [1, 3], scale: [2], zeroPoint: [-128] },
    ],
    operators: [
      { code: Op.CAST, inputs: [0], outputs: [1] },
      { code: Op.QUANTIZE, inputs: [1], outputs: [2] },
      { code: Op.RELU, inputs: [2], outputs: [3] },
    ],
    inputs: [0],
    outputs: [3],
  });
  const session = await InferenceSession.create(compileGraph(importTflite(file)).model);
  expect([...session.runSync({ x: Uint8Array.of(0, 100, 255) }).y!.data]).toEqual([-128, -78, 0]);
});

test("weights of float16 and of 8 bits in front of floats become floats", () => {
  const half = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001);
  const model = (weights: Partial<TfliteTensor>, dequantized: boolean) =>
    buildTflite({
      tensors: [
        { name: "x", shape: [1, 2], ...FLOAT },
        { ...weights, name: "w", shape: [2, 2] },
        { name: "wf", shape: [2, 2], ...FLOAT },
        { name: "y", shape: [1, 2], ...FLOAT },
      ],
      operators: [
        ...(dequantized ? [{ code: Op.DEQUANTIZE, inputs: [1], outputs: [2] }] : []),
        { code: Op.FULLY_CONNECTED, inputs: [0, dequantized ? 2 : 1], outputs: [3] },
      ],
      inputs: [0],
      outputs: [3],
    });
  const reals = (file: Uint8Array) => {
    const graph = simplify(importTflite(file));
    expect(isFloat(graph)).toBe(true);
    return graph.tensors[graph.nodes[0]!.inputs[1]!]!.data!;
  };
  expect([...reals(model({ type: Type.FLOAT16, data: half }, true))]).toEqual([
    1,
    -2,
    Math.fround(0x555 / 1024 / 4),
    2 ** -24,
  ]);
  const codes = { scale: [0.5], zeroPoint: [0], data: Int8Array.of(1, -2, 3, 4) };
  expect([...reals(model(codes, false))]).toEqual([0.5, -1, 1.5, 2]);
});
