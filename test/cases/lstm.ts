import type { Builder } from "flatbuffers";
import * as schema from "../../src/import/tflite/schema.generated.ts";
import { Random } from "./random.ts";
import { buildTflite, type TfliteTensor } from "./tflite.ts";

export const TIMES = 7;
export const TAPS = 5;
export const UNITS = 6;
const HIDDEN = { scale: [1 / 128], zeroPoint: [4] };
const STATES = { isVariable: true } as const;

/** The bytes of a TFLite model of one LSTM, states and intermediate tensors as its converter makes them. */
export function lstmModel(
  options: Partial<Record<"cellClip" | "projection" | "peephole", number>> = {},
): Uint8Array {
  const random = new Random(11);
  const tensors: TfliteTensor[] = [];
  const add = (tensor: TfliteTensor) => tensors.push(tensor) - 1;
  const weights = (name: string, taps: number, scale: number) =>
    add({ name, shape: [UNITS, taps], scale: [scale], data: random.codes(UNITS * taps) });
  const x = add({ name: "x", shape: [1, TIMES, TAPS], scale: [0.02], zeroPoint: [-5] });
  const input = [0, 1, 2, 3].map((gate) => weights(`w${gate}`, TAPS, 0.008 + gate / 1000));
  const hidden = [0, 1, 2, 3].map((gate) => weights(`r${gate}`, UNITS, 0.006 + gate / 2000));
  const biases = [0, 1, 2, 3].map((gate) => {
    const data = Int32Array.from({ length: UNITS }, () => random.integer(-3000, 3000));
    const scale = [0.02 * (0.008 + gate / 1000)];
    return add({ name: `b${gate}`, shape: [UNITS], type: schema.TensorType.INT32, scale, data });
  });
  const output = add({ name: "hidden", shape: [1, UNITS], ...HIDDEN, ...STATES });
  const wide = { type: schema.TensorType.INT16, zeroPoint: [0] };
  const cell = add({ name: "cell", shape: [1, UNITS], scale: [2 ** -11], ...wide, ...STATES });
  const y = add({ name: "y", shape: [1, TIMES, UNITS], ...HIDDEN });
  const intermediates = [0, 1, 2, 3].map((gate) =>
    add({ name: `i${gate}`, shape: [0], scale: [2 ** -12], ...wide }),
  );
  intermediates.push(add({ name: "i4", shape: [0], ...HIDDEN }));
  const { cellClip = 0, projection, peephole } = options;
  const extra = projection === undefined ? -1 : weights("projection", UNITS, 0.01);
  const look = peephole === undefined ? -1 : weights("peephole", 1, 0.01);
  const inputs = [x, ...input, ...hidden, look, -1, -1, ...biases, extra, -1, output, cell, -1, -1, -1, -1];
  const write = (b: Builder) =>
    [
      schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions,
      schema.UnidirectionalSequenceLSTMOptions.createUnidirectionalSequenceLSTMOptions(
        b,
        schema.Fused.TANH,
        cellClip,
        0,
        false,
      ),
    ] as const;
  const code = schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM;
  const operator = { code, version: 2, inputs, outputs: [y], options: write, intermediates };
  return buildTflite({ tensors, operators: [operator], inputs: [x], outputs: [y] });
}

/** Codes of two sequences, one behind the other. */
export const LSTM_INPUT: Int8Array = new Random(12).codes(2 * TIMES * TAPS);
