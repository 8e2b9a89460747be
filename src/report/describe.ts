// What a `.dyad` file says of itself.
import {
  CONV_BIAS_AT,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_WEIGHTS_AT,
  LSTM_GATES,
  MAT_MUL_TRANSPOSED_A,
  OP_BANDS,
  OP_CONV,
  OP_DENSE,
  OP_DEPTHWISE,
  OP_INPUT,
  OP_LSTM,
  OP_MAT_MUL,
  OP_OUTPUT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { type Header, headerOf, NOTES } from "../model/header.ts";
import type { IoTensor } from "../model/io.ts";
import {
  activationBits,
  groupsOf,
  type Plan,
  type PlanStep,
  type PlanTensor,
  readPlan,
  weightBits,
} from "../model/plan-reader.ts";
import { readModel } from "../model/reader.ts";
import { OPS } from "../ops/index.ts";

/** One step of the plan, for people and programs. */
export interface StepDescription {
  readonly op: string;
  readonly name: string;
  readonly output: readonly number[];
  readonly macs: number;
  /** Width of the stored weights; null without any. */
  readonly weightBits: number | null;
  readonly activationBits: number;
  /** Weights with their padding; biases and multipliers are not in it. */
  readonly weightBytes: number;
  /** Bytes of the arena that are in use while the step runs. */
  readonly liveBytes: number;
}

/** A run of bytes of the arena, from one step to another. */
export interface Allocation {
  /** Empty in a stripped file. */
  readonly name: string;
  readonly kind: "tensor" | "scratch";
  /** First byte, and the one behind the last. */
  readonly start: number;
  readonly end: number;
  readonly haloBytes: number;
  /** First and last step that it is alive at. */
  readonly first: number;
  readonly last: number;
  readonly shape: readonly number[];
}

export interface Description {
  readonly inputs: readonly IoTensor[];
  readonly outputs: readonly IoTensor[];
  /** What the model keeps from run to run. */
  readonly states: readonly IoTensor[];
  /** What the importer had to say: a tail that it left out. */
  readonly notes: readonly string[];
  readonly flashBytes: number;
  readonly weightBytes: number;
  readonly macs: number;
  readonly plan: {
    /** Bytes of the arena: tensors with halos, and scratch. */
    readonly peakBytes: number;
    /** Largest `liveBytes` of a step. */
    readonly lowerBound: number;
    /** Bytes of halos alive at that step. */
    readonly haloBytes: number;
    readonly steps: readonly StepDescription[];
    readonly allocations: readonly Allocation[];
  };
  readonly header: Header | null;
}

/** Everything that a `.dyad` file says of itself. Throws CORRUPT and so on, with the file's name. */
export function describe(bytes: Uint8Array, file: string): Description {
  const model = readModel(bytes, file);
  const header = withFile(file, () => headerOf(model) ?? null);
  const plan = withFile(file, () => readPlan(model));
  const inputs = model.io.filter(({ role }) => role === "input");
  const states = model.io.filter(({ role }) => role === "state");
  const allocations = allocationsOf(plan, header, new Set(states.map(({ tensor }) => tensor)));
  const live = plan.steps.map((_, step) =>
    allocations.filter(({ first, last }) => first <= step && step <= last),
  );
  const liveBytes = live.map((alive) => unionBytes(alive));
  const lowerBound = liveBytes.reduce((most, bytes) => Math.max(most, bytes), 0);
  const atPeak = live[liveBytes.indexOf(lowerBound)] ?? [];
  const groups = groupsOf(plan);
  const steps = plan.steps.map((step, i) => {
    // A group is shown by what its last member writes.
    const group = groups.find(({ first }) => first === i + 1);
    const { inputs: read, outputs: wrote } = plan.steps[group?.last ?? i]!;
    const tensor = plan.tensors[wrote[0] ?? read[0]!]!;
    const layer = header?.layers[i - inputs.length];
    const name = layer?.name ?? "";
    return {
      op: layer?.op ?? opName(step.opcode),
      name,
      output: tensor.shape,
      macs: macsOf(plan, step),
      weightBits: weightBits(step.contract),
      activationBits: activationBits(tensor.dtype),
      weightBytes: weightBytesOf(step),
      liveBytes: liveBytes[i]!,
    };
  });
  return {
    inputs,
    outputs: model.io.filter(({ role }) => role === "output"),
    states,
    notes: header?.metadata[NOTES]?.split("\n") ?? [],
    flashBytes: bytes.length,
    weightBytes: plan.weightBytes,
    macs: steps.reduce((sum, { macs }) => sum + macs, 0),
    plan: {
      peakBytes: model.arenaBytes,
      lowerBound,
      haloBytes: atPeak.reduce((sum, { haloBytes }) => sum + haloBytes, 0),
      steps,
      allocations,
    },
    header,
  };
}

/** What a reader of a part says, with the file's name. */
function withFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof DyadicError ? error.at({ file }) : error;
  }
}

function opName(opcode: number): string {
  if (opcode === OP_INPUT) return "input";
  if (opcode === OP_OUTPUT) return "output";
  if (opcode === OP_BANDS) return "bands";
  return OPS.find((op) => op.opcode === opcode)?.name ?? `opcode ${opcode}`;
}

function macsOf(plan: Plan, step: PlanStep): number {
  if (step.opcode === OP_LSTM || step.opcode === OP_MAT_MUL) return productMacs(plan, step);
  if (step.opcode !== OP_CONV && step.opcode !== OP_DENSE && step.opcode !== OP_DEPTHWISE) return 0;
  const [height, width, channels] = plan.tensors[step.outputs[0]!]!.shape;
  const depth = step.opcode === OP_DEPTHWISE ? 1 : plan.tensors[step.inputs[0]!]!.shape[2];
  const taps = step.words[CONV_KERNEL_H / 4]! * step.words[CONV_KERNEL_W / 4]!;
  return height * width * channels * depth * taps;
}

function productMacs(plan: Plan, step: PlanStep): number {
  const [height, width, channels] = plan.tensors[step.outputs[0]!]!.shape;
  const [, columns, taps] = plan.tensors[step.inputs[0]!]!.shape;
  const depth = step.words[MAT_MUL_TRANSPOSED_A / 4] === 1 ? columns : taps;
  return height * width * channels * (step.opcode === OP_LSTM ? LSTM_GATES * (taps + channels) : depth);
}

/** Packed weights lie in front of the biases. */
function weightBytesOf({ contract, words }: PlanStep): number {
  if (weightBits(contract) === null) return 0;
  return words[CONV_BIAS_AT / 4]! - words[CONV_WEIGHTS_AT / 4]!;
}

/**
 * All that the arena ever holds: inputs from the start, outputs to the end, states always, scratch for its step; what
 * a step of a group needs, as long as the group runs.
 */
function allocationsOf(plan: Plan, header: Header | null, states: ReadonlySet<number>): Allocation[] {
  const { tensors, steps } = plan;
  const groups = groupsOf(plan);
  const lives = tensors.map(() => ({ first: -1, last: -1 }));
  steps.forEach(({ inputs, outputs, opcode }, step) => {
    for (const index of outputs) {
      const { first, last } = lives[index]!;
      const from = opcode === OP_INPUT ? 0 : step;
      lives[index] = { first: first === -1 ? from : first, last: Math.max(last, step) };
    }
    for (const index of inputs) {
      const { first, last } = lives[index]!;
      lives[index] = { first, last: Math.max(last, opcode === OP_OUTPUT ? steps.length - 1 : step) };
    }
  });
  const held = tensors.map(
    (tensor, index): Allocation => ({
      name: header?.values[index]?.name ?? "",
      kind: "tensor",
      ...extent(tensor),
      ...(states.has(index) ? { first: 0, last: steps.length - 1 } : lives[index]!),
      shape: tensor.shape,
    }),
  );
  const scratch = steps.flatMap(({ scratchAt, scratchBytes }, step): Allocation[] => {
    if (scratchBytes === 0) return [];
    const bytes = { start: scratchAt, end: scratchAt + scratchBytes, haloBytes: 0 };
    return [{ name: "", kind: "scratch", ...bytes, first: step, last: step, shape: [] }];
  });
  return [...held, ...scratch].map((allocation) => {
    const met = groups.filter(({ first, last }) => first <= allocation.last && allocation.first <= last);
    return {
      ...allocation,
      first: Math.min(allocation.first, ...met.map(({ first }) => first)),
      last: Math.max(allocation.last, ...met.map(({ last }) => last)),
    };
  });
}

function extent({ shape, offset, rowPitch, pixelPitch, halo, window }: PlanTensor) {
  const [height, width] = shape;
  const [top, left, bottom, right] = halo;
  const start = offset - top * rowPitch - left * pixelPitch;
  const rows = window ?? top + height + bottom;
  const bytes = (rows - 1) * rowPitch + (left + width + right) * pixelPitch;
  return { start, end: start + bytes, haloBytes: bytes - Math.min(rows, height) * width * pixelPitch };
}

/** Bytes that at least one run covers: a tensor computed in place counts once. */
function unionBytes(runs: readonly Allocation[]): number {
  let bytes = 0;
  let end = 0;
  for (const run of [...runs].sort((a, b) => a.start - b.start)) {
    bytes += Math.max(0, run.end - Math.max(run.start, end));
    end = Math.max(end, run.end);
  }
  return bytes;
}
