// What lasts from run to run: LSTMs with their states, and variables.
import { LSTM_GATES } from "../../../assembly/abi.ts";
import { DyadicError } from "../../error.ts";
import { elements, sameQuantization, type Tensor } from "../../graph/graph.ts";
import { type Adapter, type Builder, type Operator, requiredOptions } from "./builder.ts";
import * as schema from "./schema.generated.ts";

const { BuiltinOptions } = schema;

/** Where an LSTM's inputs stand, gate by gate: input, forget, cell, output. */
const INPUT_WEIGHTS = 1;
const HIDDEN_WEIGHTS = 5;
const BIASES = 12;
const HIDDEN_STATE = 18;
const CELL_STATE = 19;
/** Peepholes, projection and layer normalisation. */
const UNSUPPORTED = [9, 10, 11, 16, 17, 20, 21, 22, 23];

function unsupported(problem: string, expected: string): never {
  throw new DyadicError("UNSUPPORTED_OP", problem, {
    expected,
    hint: "export the LSTM as Keras makes it, fully quantized to int8",
  });
}

/** UNIDIRECTIONAL_SEQUENCE_LSTM of int8, batch first: the states keep what they hold until `reset`. */
export const lstm: Adapter = (operator, builder) => {
  const input = (at: number) => operator.inputs[at] ?? -1;
  const { x, y } = builder.sameFormat(operator);
  if (x.dtype !== "int8") unsupported("a float LSTM is not supported", "8-bit activations and weights");
  const type = BuiltinOptions.UnidirectionalSequenceLSTMOptions;
  const table = requiredOptions(operator, type, new schema.UnidirectionalSequenceLSTMOptions());
  if (UNSUPPORTED.some((at) => input(at) !== -1) || input(INPUT_WEIGHTS) === -1) {
    unsupported(
      "this form of LSTM is not supported",
      "no peepholes, projection, layer norm or coupled gates",
    );
  }
  if (table.fusedActivation() !== schema.Fused.TANH) unsupported("an LSTM without tanh", "tanh");
  if (table.timeMajor() && x.shape[0] !== 1) unsupported("an LSTM over time first", "[1, time, features]");
  const gates = (first: number) =>
    Array.from({ length: LSTM_GATES }, (_, gate) => builder.tensors.get(input(first + gate)));
  const cell = builder.tensors.variable(input(CELL_STATE));
  const hidden = builder.tensors.variable(input(HIDDEN_STATE));
  const cellBits = -Math.log2(cell.scale);
  if (
    cell.type !== schema.TensorType.INT16 ||
    hidden.type !== schema.TensorType.INT8 ||
    cell.zeroPoint !== 0
  ) {
    unsupported(
      "the LSTM's states are not quantized as usual",
      "a hidden state of int8, a cell state of int16",
    );
  }
  const units = y.shape.at(-1)!;
  const quantization = { scale: [hidden.scale], zeroPoint: [hidden.zeroPoint], axis: null };
  const hiddenState = builder.state({ name: hidden.name, dtype: "int8", shape: [1, units], quantization });
  // Two bytes a number: the engine's states are bytes.
  const bytes = { scale: [1], zeroPoint: [0], axis: null };
  const cellState = builder.state({
    name: cell.name,
    dtype: "int8",
    shape: [1, 2 * units],
    quantization: bytes,
  });
  const inputs = [
    operator.inputs[0]!,
    hiddenState,
    cellState,
    builder.tensors.add(joined(gates(INPUT_WEIGHTS))),
    builder.tensors.add(joined(gates(HIDDEN_WEIGHTS))),
    builder.tensors.add(joined(gates(BIASES))),
  ];
  builder.emit(operator.name, "lstm", inputs, operator.output, { cellBits, cellClip: table.cellClip() });
};

/** Four gates' constants as one, with a scale a gate. */
function joined(gates: readonly Tensor[]): Tensor {
  const [first] = gates as [Tensor];
  const size = elements(first.shape);
  const data = first.dtype === "int32" ? new Int32Array(LSTM_GATES * size) : new Int8Array(LSTM_GATES * size);
  gates.forEach((gate, i) => {
    if (gate.dtype !== first.dtype || gate.data === undefined || gate.data.length !== size) {
      unsupported(`"${gate.name}" is not a constant like those of the other gates`, "constants of one shape");
    }
    data.set(gate.data, i * size);
  });
  const quantization = {
    scale: gates.map((gate) => gate.quantization?.scale[0] ?? 0),
    zeroPoint: gates.map((gate) => gate.quantization?.zeroPoint[0] ?? 0),
    axis: 0,
  };
  const { name, dtype, shape } = first;
  return { name, dtype, shape: [LSTM_GATES, ...shape], data, ...(dtype === "int8" && { quantization }) };
}

/** VAR_HANDLE: a name for a state, which its first READ_VARIABLE makes. */
export const varHandle: Adapter = (operator, builder) => {
  const table = requiredOptions(operator, BuiltinOptions.VarHandleOptions, new schema.VarHandleOptions());
  const name = `${table.container() ?? ""}/${table.sharedName() ?? ""}`;
  builder.variables.handles.set(operator.output, name);
};

function nameOf(operator: Operator, builder: Builder): string {
  const name = builder.variables.handles.get(operator.inputs[0]!);
  if (name !== undefined) return name;
  throw new DyadicError("BAD_FILE", "the variable's handle was not made by VAR_HANDLE");
}

/** READ_VARIABLE: the state itself, or what was assigned to it earlier in the run. */
export const readVariable: Adapter = (operator, builder) => {
  const name = nameOf(operator, builder);
  const { states, assigned } = builder.variables;
  const source = assigned.get(name) ?? states.get(name);
  const y = builder.value(operator.output);
  if (source !== undefined) {
    builder.emit(operator.name, "reshape", [source], operator.output, { shape: y.shape });
    return;
  }
  states.set(name, operator.output);
  builder.states.push({ name, tensor: operator.output });
};

/** ASSIGN_VARIABLE: at the end of the run, so that whoever reads the state before gets the old one. */
export const assignVariable: Adapter = (operator, builder) => {
  const [, value = -1] = operator.inputs;
  builder.value(value);
  builder.variables.assigned.set(nameOf(operator, builder), value);
};

/** Emits what is assigned: copies first, so that a state may be given to another. */
export function assignStates(builder: Builder): void {
  const { states, assigned } = builder.variables;
  const pushes = [...assigned].flatMap(([name, value]) => {
    const state = states.get(name);
    if (state === undefined || state === value) return []; // nobody reads it
    const [from, to] = [builder.tensors.get(value), builder.tensors.get(state)];
    const same = sameQuantization(from, to) && `${from.shape}` === `${to.shape}`;
    if (same && ![...states.values()].includes(value)) return [{ name, value, state }];
    const copy = builder.tensors.add({ ...to, name: `${to.name}/next` });
    const op = sameQuantization(from, to) ? "reshape" : "requantize";
    builder.emit(
      `${to.name}/next`,
      op,
      [value],
      copy,
      op === "reshape" ? { shape: to.shape } : { activation: "none" },
    );
    return [{ name, value: copy, state }];
  });
  for (const { name, value, state } of pushes) {
    const { shape } = builder.tensors.get(state);
    builder.emit(`${name}/assign`, "push", [value], state, { axis: 0, extent: shape[0] });
  }
}

/** CALL_ONCE of a subgraph that sets variables to 0, which is what states are at first. */
export const callOnce: Adapter = (operator, builder) => {
  const table = requiredOptions(operator, BuiltinOptions.CallOnceOptions, new schema.CallOnceOptions());
  const wrong = builder.tensors.nonZeroConstants(table.initSubgraphIndex());
  if (wrong.length === 0) return;
  throw new DyadicError("UNSUPPORTED_OP", "a variable does not start at 0", {
    expected: "variables that are 0 before the first run",
    found: wrong.map((name) => `"${name}"`).join(", "),
  });
};
