import {
  CONTRACT_A8,
  LSTM_BIAS_AT,
  LSTM_CELL_BITS,
  LSTM_CELL_CLIP,
  LSTM_GATES,
  LSTM_HIDDEN_WEIGHTS_AT,
  LSTM_INPUT_WEIGHTS_AT,
  LSTM_MULTIPLIER,
  LSTM_MULTIPLIERS_AT,
  LSTM_OUT_SHIFT,
  LSTM_SHIFT,
  LSTM_STEP_BYTES,
  LSTM_TABLE_AT,
  MAX_LSTM_MULTIPLIER,
  OP_LSTM,
  ROW_ALIGNMENT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { elements, sameQuantization, type Tensor } from "../graph/graph.ts";
import { toDyadic } from "../numerics/dyadic.ts";
import { sigmoid, tanh } from "../numerics/functions.ts";
import { cellState, gateCode, sigmoidTable, tableSigmoid, tableTanh } from "../numerics/lstm.ts";
import { clamp, requantize } from "../numerics/requantize.ts";
import { affineOf } from "./affine.ts";
import { roundUp } from "./convolution.ts";
import type { FloatValue, Lowering, Op } from "./op.ts";

/** Gates lie in this order: input, forget, cell, output. */
const [INPUT, FORGET, CELL, OUTPUT] = [0, 1, 2, 3] as const;
/** Gates before their functions are in units of 2^-12, behind them of 2^-15. */
const GATE_SCALE = 2 ** -12;
const PRODUCT_SCALE = 2 ** -30;

interface LstmAttributes {
  /** The cell state is in units of 2^-cellBits. */
  readonly cellBits: number;
  /** Largest magnitude of the cell state; 0: what 16 bits hold. */
  readonly cellClip: number;
}

interface LstmParameters {
  readonly units: number;
  readonly taps: number;
  /** Rows of codes, gate behind gate. */
  readonly inputWeights: Int8Array;
  readonly hiddenWeights: Int8Array;
  readonly bias: Int32Array;
  /** By gate: b of the input's accumulator, b of the hidden state's. */
  readonly multipliers: Int32Array;
  readonly shift: number;
  readonly cellBits: number;
  readonly cellClip: number;
  readonly outMultiplier: number;
  readonly outShift: number;
}

/** Accumulators of one gate row by row: weights [units, taps] times a vector less its zero point. */
function rowProduct(
  weights: Int8Array | Float32Array,
  row: number,
  x: Int8Array | Float32Array,
  zero: number,
): number {
  let sum = 0;
  for (let k = 0; k < x.length; k++) sum += weights[row * x.length + k]! * (x[k]! - zero);
  return sum;
}

/** Bytes of a cell state as 16-bit numbers. */
function numbersOf(cell: Int8Array): Int16Array {
  return Int16Array.from(
    { length: cell.length / 2 },
    (_, i) => (cell[2 * i]! & 0xff) | (cell[2 * i + 1]! << 8),
  );
}

/** One time step: updates `hidden` and `cell` (bytes) in place. */
function timeStep(
  p: LstmParameters,
  x: Int8Array,
  hidden: Int8Array,
  cell: Int8Array,
  zeros: readonly [input: number, hidden: number],
): void {
  const table = sigmoidTable();
  const before = hidden.slice();
  numbersOf(cell).forEach((old, unit) => {
    const gates = [INPUT, FORGET, CELL, OUTPUT].map((gate) => {
      const row = gate * p.units + unit;
      const a = rowProduct(p.inputWeights, row, x, zeros[0]) + p.bias[row]!;
      const b = rowProduct(p.hiddenWeights, row, before, zeros[1]);
      return gateCode(a, p.multipliers[2 * gate]!, b, p.multipliers[2 * gate + 1]!, p.shift);
    });
    const [i, f, o] = [INPUT, FORGET, OUTPUT].map((gate) => tableSigmoid(table, gates[gate]!));
    const state = cellState(i!, f!, tableTanh(table, gates[CELL]!), old, p.cellBits, p.cellClip);
    const scaled = state * 2 ** (12 - p.cellBits);
    const product = o! * tableTanh(table, Math.min(32767, Math.max(-32768, Math.floor(scaled))));
    hidden[unit] = requantize(product, p.outMultiplier, p.outShift, zeros[1], -128, 127);
    [cell[2 * unit], cell[2 * unit + 1]] = [state, state >> 8];
  });
}

/** The reals of one gate's row, from zero states. */
function floatSteps(x: FloatValue, [w, r, bias]: readonly FloatValue[], clip: number): Float32Array {
  const [taps, units] = [x.shape.at(-1)!, w!.shape[1]!];
  const [hidden, cell] = [new Float32Array(units), new Float32Array(units)];
  const output = new Float32Array((x.data.length / taps) * units);
  for (let t = 0; t * taps < x.data.length; t++) {
    const now = x.data.subarray(t * taps, (t + 1) * taps);
    const before = hidden.slice();
    for (let unit = 0; unit < units; unit++) {
      const gate = (index: number) => {
        const row = index * units + unit;
        return rowProduct(w!.data, row, now, 0) + bias!.data[row]! + rowProduct(r!.data, row, before, 0);
      };
      const state = sigmoid(gate(FORGET)) * cell[unit]! + sigmoid(gate(INPUT)) * tanh(gate(CELL));
      cell[unit] = clamp(state, -clip, clip);
      hidden[unit] = sigmoid(gate(OUTPUT)) * tanh(cell[unit]!);
    }
    output.set(hidden, t * units);
  }
  return output;
}

/**
 * A long short-term memory over the pixels of its input, equation (12): gates of 16 bits, no peepholes and no projection.
 * Inputs: x [..., k], hidden state [.., n] and cell state [.., 2n] (two bytes a number, low first), which are states and
 * change; weights [4, n, k], recurrent weights [4, n, n] and bias [4, n], by gate: input, forget, cell, output.
 * The float meaning starts from states of 0.
 */
export const lstm: Op<LstmAttributes, LstmParameters> = {
  name: "lstm",
  opcode: OP_LSTM,
  contract: CONTRACT_A8,
  kernels: ["lstm_a8"],
  stepBytes: LSTM_STEP_BYTES,
  activations: 3,
  stateInputs: [1, 2],
  inPlace: [],

  shape([x, hidden, cell, w, r, bias]) {
    const [taps, units] = [x?.at(-1) ?? 0, hidden?.at(-1) ?? 0];
    const fits =
      elements(hidden ?? []) === units &&
      elements(cell ?? []) === 2 * units &&
      `${w}` === `${[LSTM_GATES, units, taps]}` &&
      `${r}` === `${[LSTM_GATES, units, units]}` &&
      `${bias}` === `${[LSTM_GATES, units]}`;
    if (fits && x!.length >= 2) return [...x!.slice(0, -1), units];
    throw new DyadicError("BAD_FILE", "states and weights of the LSTM do not fit together", {
      expected: "input [..., k], states [n] and [2n], weights [4, n, k], [4, n, n], bias [4, n]",
      found: [x, hidden, cell, w, r, bias].map((shape) => `[${shape}]`).join(", "),
    });
  },

  float(inputs, { cellBits, cellClip }) {
    const clip = Math.min(cellClip > 0 ? cellClip : Infinity, 2 ** (15 - cellBits));
    const [x, hidden] = inputs as FloatValue[];
    const shape = [...x!.shape.slice(0, -1), hidden!.shape.at(-1)!];
    return { shape, data: floatSteps(x!, inputs.slice(3) as FloatValue[], clip) };
  },

  lower: lowerLstm,

  integer([x, hidden, cell]: readonly Int8Array[], parameters, { inputs }) {
    const { units, taps } = parameters;
    const zeros = [inputs[0]!.zeroPoint, inputs[1]!.zeroPoint] as const;
    const output = new Int8Array((x!.length / taps) * units);
    for (let t = 0; t * taps < x!.length; t++) {
      timeStep(parameters, x!.subarray(t * taps, (t + 1) * taps), hidden!, cell!, zeros);
      output.set(hidden!, t * units);
    }
    return output;
  },

  // Four sums twice, the input and the hidden state as 16-bit numbers.
  scratchBytes: ({ taps, units }) => 32 + 2 * (roundUp(taps, ROW_ALIGNMENT) + roundUp(units, ROW_ALIGNMENT)),

  cost: ({ taps, units }, { output }) => ({
    macs: output.shape[0] * output.shape[1] * units * LSTM_GATES * (taps + units),
    weightBytes: units * LSTM_GATES * (roundUp(taps, ROW_ALIGNMENT) + roundUp(units, ROW_ALIGNMENT) + 4),
  }),

  encode(parameters, step) {
    const { units, taps } = parameters;
    step.set(LSTM_INPUT_WEIGHTS_AT, step.constant(packRows(parameters.inputWeights, units, taps)));
    step.set(LSTM_HIDDEN_WEIGHTS_AT, step.constant(packRows(parameters.hiddenWeights, units, units)));
    const bias = parameters.bias.map(
      (_, i) => parameters.bias[(i % LSTM_GATES) * units + Math.floor(i / LSTM_GATES)]!,
    );
    step.set(LSTM_BIAS_AT, step.constant(bias));
    step.set(LSTM_MULTIPLIERS_AT, step.constant(parameters.multipliers));
    step.set(LSTM_SHIFT, parameters.shift);
    step.set(LSTM_CELL_BITS, parameters.cellBits);
    step.set(LSTM_CELL_CLIP, parameters.cellClip);
    step.set(LSTM_MULTIPLIER, parameters.outMultiplier);
    step.set(LSTM_OUT_SHIFT, parameters.outShift);
    step.set(LSTM_TABLE_AT, step.constant(sigmoidTable()));
  },
};

/** The four gates' rows of a unit one behind the other, each padded with zeros. */
function packRows(weights: Int8Array, units: number, taps: number): Int8Array {
  const row = roundUp(taps, ROW_ALIGNMENT);
  const packed = new Int8Array(units * LSTM_GATES * row);
  for (let at = 0; at < units * LSTM_GATES; at++) {
    const from = (Math.floor(at / units) + (at % units) * LSTM_GATES) * row;
    packed.set(weights.subarray(at * taps, (at + 1) * taps), from);
  }
  return packed;
}

/** Codes and one scale a gate of weights [4, n, k]. Throws UNSUPPORTED_OP for zero points and other forms. */
function gateWeights({ name, data, quantization }: Tensor): { codes: Int8Array; scales: readonly number[] } {
  const { scale = [], zeroPoint = [] } = quantization ?? {};
  if (data instanceof Int8Array && scale.length === LSTM_GATES && zeroPoint.every((zero) => zero === 0)) {
    return { codes: data, scales: scale };
  }
  throw new DyadicError("UNSUPPORTED_OP", `the LSTM weights "${name}" are not symmetric 8-bit codes`, {
    expected: "int8, a scale for each of the four gates, zero points 0",
    hint: "export the model fully quantized to int8",
  });
}

function lowerLstm({ node, inputs, output }: Lowering<LstmAttributes>): LstmParameters {
  const [x, hidden, , w, r, bias] = inputs as Tensor[];
  const [from, state, to] = [x!, hidden!, output].map((tensor) => affineOf(tensor, "the LSTM's tensor"));
  const { cellBits, cellClip } = node.attributes;
  if (!sameQuantization(hidden!, output) || !(bias!.data instanceof Int32Array)) {
    throw new DyadicError("UNSUPPORTED_OP", "hidden state and output of the LSTM have different scales");
  }
  if (!Number.isInteger(cellBits) || cellBits < 0 || cellBits > 15) {
    throw new DyadicError("UNSUPPORTED_OP", "the scale of the cell state is unusual", {
      expected: "2^0 to 2^-15",
      found: `2^${-cellBits}`,
    });
  }
  const [inputSide, hiddenSide] = [gateWeights(w!), gateWeights(r!)];
  const [units, taps] = [output.shape.at(-1)!, x!.shape.at(-1)!];
  prove(inputSide.codes, taps, from!.zeroPoint, bias!.data);
  prove(hiddenSide.codes, units, state!.zeroPoint);
  const scales = inputSide.scales.flatMap((scale, gate) => [
    (from!.scale * scale) / GATE_SCALE,
    (state!.scale * hiddenSide.scales[gate]!) / GATE_SCALE,
  ]);
  // With twice the scales below 2^31 every b is below 2^30, and two products fit 64 bits.
  const doubled = scales.map((scale) => 2 * scale);
  const { shift } = toDyadic(
    doubled,
    doubled.map(() => 2 ** 31),
  );
  const out = toDyadic([PRODUCT_SCALE / to!.scale], [2 ** 30]);
  return {
    units,
    taps,
    inputWeights: inputSide.codes,
    hiddenWeights: hiddenSide.codes,
    bias: bias!.data,
    multipliers: Int32Array.from(scales, (s) =>
      Math.min(MAX_LSTM_MULTIPLIER, Math.floor(s * 2 ** shift + 0.5)),
    ),
    shift,
    cellBits,
    cellClip: cellClip > 0 ? Math.min(32767, Math.floor(cellClip * 2 ** cellBits + 0.5)) : 32767,
    outMultiplier: out.multiplier[0]!,
    outShift: out.shift,
  };
}

/** Throws OVERFLOW where an accumulator of a row could leave 32 bits. */
function prove(codes: Int8Array, taps: number, zeroPoint: number, bias?: Int32Array): void {
  const reach = Math.max(127 - zeroPoint, zeroPoint + 128);
  for (let row = 0; row * taps < codes.length; row++) {
    const weights = codes.subarray(row * taps, (row + 1) * taps);
    const bound = weights.reduce((sum, code) => sum + Math.abs(code), 0) * reach + Math.abs(bias?.[row] ?? 0);
    if (bound < 2 ** 31) continue;
    throw new DyadicError("OVERFLOW", `the accumulator of row ${row} of the LSTM could overflow`, {
      found: `${bound}`,
    });
  }
}
