// What `check` and `inspect` say of a model, read from its file alone.
import {
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  LSTM_GATES,
  MAT_MUL_TRANSPOSED_A,
  OP_CONV,
  OP_DENSE,
  OP_DEPTHWISE,
  OP_INPUT,
  OP_LSTM,
  OP_MAT_MUL,
  OP_OUTPUT,
} from "../../assembly/abi.ts";
import { NOTES } from "../compile.ts";
import { type Header, headerOf } from "../model/header.ts";
import type { IoTensor } from "../model/io.ts";
import { type Plan, type PlanStep, type PlanTensor, readPlan } from "../model/plan-reader.ts";
import { readModel } from "../model/reader.ts";
import { OPS } from "../ops/index.ts";
import { kibibytes } from "./output.ts";

/** One step of the plan, for people and programs. */
export interface StepDescription {
  readonly op: string;
  readonly name: string;
  readonly output: readonly number[];
  readonly macs: number;
  /** Bytes of the arena that are in use while the step runs. */
  readonly liveBytes: number;
}

export interface Description {
  readonly inputs: readonly IoTensor[];
  readonly outputs: readonly IoTensor[];
  /** What the model keeps from run to run. */
  readonly states: readonly IoTensor[];
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
  };
  readonly header: Header | null;
  /** What the importer had to say: a tail that it left out. */
  readonly notes: readonly string[];
}

/** Everything that a `.dyad` file says of itself. Throws CORRUPT and so on, with the file's name. */
export function describe(bytes: Uint8Array, file: string): Description {
  const model = readModel(bytes, file);
  const header = headerOf(model) ?? null;
  const plan = readPlan(model);
  const inputs = model.io.filter(({ role }) => role === "input");
  const states = model.io.filter(({ role }) => role === "state");
  const kept = new Set(states.map(({ tensor }) => tensor));
  const live = plan.steps.map((_, step) => liveRanges(plan, step, kept));
  const liveBytes = live.map((ranges) => unionBytes(ranges));
  const peak = liveBytes.indexOf(Math.max(...liveBytes));
  const steps = plan.steps.map((step, i) => {
    const tensor = plan.tensors[step.outputs[0] ?? step.inputs[0]!]!;
    const layer = header?.layers[i - inputs.length];
    const name = layer?.name ?? "";
    return {
      op: layer?.op ?? opName(step.opcode),
      name,
      output: tensor.shape,
      macs: macsOf(plan, step),
      liveBytes: liveBytes[i]!,
    };
  });
  return {
    inputs,
    outputs: model.io.filter(({ role }) => role === "output"),
    states,
    flashBytes: bytes.length,
    weightBytes: plan.weightBytes,
    macs: steps.reduce((sum, { macs }) => sum + macs, 0),
    plan: {
      peakBytes: model.arenaBytes,
      lowerBound: liveBytes[peak]!,
      haloBytes: live[peak]!.reduce((sum, { haloBytes }) => sum + haloBytes, 0),
      steps,
    },
    header,
    notes: header?.metadata[NOTES]?.split("\n") ?? [],
  };
}

function opName(opcode: number): string {
  if (opcode === OP_INPUT) return "input";
  if (opcode === OP_OUTPUT) return "output";
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

interface Range {
  readonly start: number;
  readonly end: number;
  readonly haloBytes: number;
}

/** Ranges of the arena that hold something at a step: inputs from the start, outputs to the end, states always. */
function liveRanges(plan: Plan, at: number, states: ReadonlySet<number>): Range[] {
  const ranges = plan.tensors.flatMap((tensor, index) => {
    const users = plan.steps.flatMap((step, i) => (step.inputs.includes(index) ? [i] : []));
    const writer = plan.steps.findIndex((step) => step.outputs.includes(index));
    const first = plan.steps[writer]?.opcode === OP_INPUT ? 0 : writer;
    const given = users.some((i) => plan.steps[i]!.opcode === OP_OUTPUT);
    const last = given ? plan.steps.length : Math.max(writer, ...users);
    return states.has(index) || (first <= at && at <= last) ? [extent(tensor)] : [];
  });
  const { scratchAt, scratchBytes } = plan.steps[at]!;
  return [...ranges, { start: scratchAt, end: scratchAt + scratchBytes, haloBytes: 0 }];
}

function extent({ shape, offset, rowPitch, pixelPitch, halo }: PlanTensor): Range {
  const [height, width] = shape;
  const [top, left, bottom, right] = halo;
  const start = offset - top * rowPitch - left * pixelPitch;
  const bytes = (top + height + bottom - 1) * rowPitch + (left + width + right) * pixelPitch;
  return { start, end: start + bytes, haloBytes: bytes - height * width * pixelPitch };
}

/** Bytes that at least one range covers: a tensor computed in place counts once. */
function unionBytes(ranges: readonly Range[]): number {
  let bytes = 0;
  let end = 0;
  for (const range of [...ranges].sort((a, b) => a.start - b.start)) {
    bytes += Math.max(0, range.end - Math.max(range.start, end));
    end = Math.max(end, range.end);
  }
  return bytes;
}

/** The sizes as lines of text. */
export function summary(description: Description): string {
  const { flashBytes, weightBytes, macs, plan } = description;
  const value = ({ name, dtype, shape, scale, zeroPoint }: IoTensor) =>
    `${name}: ${dtype}[${shape.join(", ")}], scale ${scale}, zero point ${zeroPoint}\n`;
  return [
    ...description.inputs.map((io) => `input   ${value(io)}`),
    ...description.outputs.map((io) => `output  ${value(io)}`),
    ...description.notes.map((note) => `note    ${note}\n`),
    ...description.states.map((io) => `state   ${value(io)}`),
    `flash   ${kibibytes(flashBytes)} (weights ${kibibytes(weightBytes)})\n`,
    `RAM     ${kibibytes(plan.peakBytes)} arena (lower bound ${kibibytes(plan.lowerBound)}, halos ${kibibytes(plan.haloBytes)} of it)\n`,
    `work    ${(macs / 1e6).toFixed(2)} million multiply-adds, ${plan.steps.length} steps\n`,
  ].join("");
}
