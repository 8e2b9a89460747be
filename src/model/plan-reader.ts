// For tools: `inspect`, tests, debuggers. The runtime leaves the plan to the engine.
import {
  BANDS_MEMBERS,
  CONCAT_INPUT_BYTES,
  CONCAT_STEP_BYTES,
  CONTRACT_A8W1,
  CONTRACT_A8W8,
  DTYPE_INT2,
  DTYPE_INT4,
  DTYPE_INT8,
  DTYPE_INT16,
  DTYPE_INT32,
  DTYPE_UINT1,
  KIND_PLAN,
  KIND_WEIGHTS,
  OP_ADD,
  OP_BANDS,
  OP_CONCAT,
  OP_CONSTANT,
  OP_INPUT,
  OP_LSTM,
  OP_MAT_MUL,
  OP_MAXIMUM,
  OP_MINIMUM,
  OP_MUL,
  OP_OUTPUT,
  OP_PRELU,
  PLAN_HEADER_BYTES,
  PLAN_STEP_COUNT,
  PLAN_STEPS_AT,
  PLAN_TENSOR_COUNT,
  STEP_BYTES,
  STEP_CONTRACT,
  STEP_HEADER_BYTES,
  STEP_IN,
  STEP_MORE_INPUTS,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  STEP_SCRATCH_BYTES,
  TENSOR_BYTES,
  TENSOR_CHANNELS,
  TENSOR_DTYPE,
  TENSOR_HALO_BOTTOM,
  TENSOR_HALO_LEFT,
  TENSOR_HALO_RIGHT,
  TENSOR_HALO_TOP,
  TENSOR_HEIGHT,
  TENSOR_OFFSET,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_WINDOW,
  TENSOR_ZERO_POINT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { type ModelFile, sectionOfKind } from "./reader.ts";

/** A tensor record of the plan. */
export interface PlanTensor {
  readonly dtype: number;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly offset: number;
  readonly rowPitch: number;
  readonly pixelPitch: number;
  readonly halo: readonly [top: number, left: number, bottom: number, right: number];
  readonly zeroPoint: number;
  /** Rows that the buffer holds at a time; absent: all. */
  readonly window?: number;
}

/** A step record of the plan; `words` is the whole record. That of a group (OP_BANDS) is in front of its members'. */
export interface PlanStep {
  readonly opcode: number;
  readonly contract: number;
  readonly scratchAt: number;
  readonly scratchBytes: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly words: Int32Array;
}

export interface Plan {
  readonly tensors: readonly PlanTensor[];
  readonly steps: readonly PlanStep[];
  readonly weightBytes: number;
}

const DTYPE_BITS: Readonly<Record<number, number>> = {
  [DTYPE_INT8]: 8,
  [DTYPE_INT4]: 4,
  [DTYPE_INT2]: 2,
  [DTYPE_UINT1]: 1,
  [DTYPE_INT16]: 16,
  [DTYPE_INT32]: 32,
};

/** Bits of a code of a tensor's dtype. */
export function activationBits(dtype: number): number {
  return DTYPE_BITS[dtype] ?? 8;
}

/** Bits of a stored weight of a step's contract; null where it has no weights. */
export function weightBits(contract: number): number | null {
  const isWeighted = contract >= CONTRACT_A8W8 && contract <= CONTRACT_A8W1;
  return isWeighted ? 8 + CONTRACT_A8W8 - contract : null;
}

/** Reads the plan section of a model, every record inside its bounds; throws CORRUPT with the record. */
export function readPlan(model: ModelFile): Plan {
  const section = sectionOfKind(model.sections, KIND_PLAN, "plan");
  const words = wordsOf(section);
  if (section.length < PLAN_HEADER_BYTES) {
    throw new DyadicError("CORRUPT", "the plan section is cut short", {
      expected: `at least ${PLAN_HEADER_BYTES} bytes`,
      found: `${section.length}`,
    });
  }
  const [tensorCount, stepCount, stepsAt] = [PLAN_TENSOR_COUNT, PLAN_STEP_COUNT, PLAN_STEPS_AT].map(
    (at) => words[at / 4],
  );
  const tensorsEnd = PLAN_HEADER_BYTES + tensorCount! * TENSOR_BYTES;
  if (!(tensorCount! >= 0) || !(stepCount! >= 0) || stepsAt !== tensorsEnd || tensorsEnd > section.length) {
    throw new DyadicError("CORRUPT", "the plan section does not hold its tensor records", {
      found: `${tensorCount} tensors, steps at ${stepsAt} of ${section.length} bytes`,
    });
  }
  const tensors = Array.from({ length: tensorCount! }, (_, i) => {
    const at = (PLAN_HEADER_BYTES + i * TENSOR_BYTES) / 4;
    return readTensor(words.subarray(at, at + TENSOR_BYTES / 4));
  });
  const steps: PlanStep[] = [];
  let at = stepsAt;
  while (steps.length < stepCount!) {
    const bytes = words[(at + STEP_BYTES) / 4] ?? 0;
    if (bytes < STEP_HEADER_BYTES + 8 || bytes % 4 !== 0 || at + bytes > section.length) {
      throw new DyadicError("CORRUPT", `plan step ${steps.length}: the record's length is wrong`, {
        found: `${bytes}`,
      });
    }
    steps.push(readStep(words.subarray(at / 4, (at + bytes) / 4), steps.length, tensorCount!));
    at += bytes;
  }
  checkGroups(steps);
  return { tensors, steps, weightBytes: sectionOfKind(model.sections, KIND_WEIGHTS, "weights").length };
}

/** Behind the step of a group come its members, each of them a node. */
function checkGroups(steps: readonly PlanStep[]): void {
  for (const { first, last } of groupsOf({ steps })) {
    const members = steps.slice(first, last + 1);
    if (last < first || last >= steps.length || members.some(({ outputs }) => outputs.length === 0)) {
      throw new DyadicError("CORRUPT", `plan step ${first - 1}: the group's members are not there`, {
        found: `steps ${first} to ${last} of ${steps.length}`,
      });
    }
  }
}

function wordsOf(section: Uint8Array): Int32Array {
  const view = new DataView(section.buffer, section.byteOffset, section.byteLength);
  return Int32Array.from({ length: Math.floor(section.length / 4) }, (_, i) => view.getInt32(4 * i, true));
}

function readTensor(words: Int32Array): PlanTensor {
  const word = (at: number) => words[at / 4]!;
  return {
    dtype: word(TENSOR_DTYPE),
    shape: [word(TENSOR_HEIGHT), word(TENSOR_WIDTH), word(TENSOR_CHANNELS)],
    offset: word(TENSOR_OFFSET),
    rowPitch: word(TENSOR_ROW_PITCH),
    pixelPitch: word(TENSOR_PIXEL_PITCH),
    halo: [word(TENSOR_HALO_TOP), word(TENSOR_HALO_LEFT), word(TENSOR_HALO_BOTTOM), word(TENSOR_HALO_RIGHT)],
    zeroPoint: word(TENSOR_ZERO_POINT),
    ...(word(TENSOR_WINDOW) !== 0 && { window: word(TENSOR_WINDOW) }),
  };
}

/** Steps that run as one: the members of every group from `first` to `last`, behind the group's own step. */
export function groupsOf({ steps }: Pick<Plan, "steps">): { first: number; last: number }[] {
  return steps.flatMap(({ opcode, words }, step) =>
    opcode === OP_BANDS ? [{ first: step + 1, last: step + words[BANDS_MEMBERS / 4]! }] : [],
  );
}

const BINARY = [OP_ADD, OP_MUL, OP_MINIMUM, OP_MAXIMUM, OP_PRELU, OP_MAT_MUL];

/** Number of tensors that a step with a record of `bytes` reads. */
function inputCount(opcode: number, bytes: number): number {
  if (opcode === OP_INPUT || opcode === OP_CONSTANT || opcode === OP_BANDS) return 0;
  if (opcode === OP_CONCAT) return Math.floor((bytes - CONCAT_STEP_BYTES) / CONCAT_INPUT_BYTES);
  if (opcode === OP_LSTM) return 3;
  return BINARY.includes(opcode) ? 2 : 1;
}

function readStep(words: Int32Array, index: number, tensorCount: number): PlanStep {
  const word = (at: number) => words[at / 4] ?? -1;
  const opcode = word(STEP_OPCODE);
  const inputs = Array.from({ length: inputCount(opcode, 4 * words.length) }, (_, i) =>
    word(i === 0 ? STEP_IN : STEP_MORE_INPUTS + 4 * (i - 1)),
  );
  const none = opcode === OP_OUTPUT || opcode === OP_BANDS;
  const outputs = none ? [] : [word(opcode === OP_INPUT ? STEP_IN : STEP_OUT)];
  const stray = [...inputs, ...outputs].find((tensor) => tensor < 0 || tensor >= tensorCount);
  if (stray !== undefined) {
    throw new DyadicError("CORRUPT", `plan step ${index}: tensor ${stray} does not exist`);
  }
  return {
    opcode,
    contract: word(STEP_CONTRACT),
    scratchAt: word(STEP_SCRATCH_AT),
    scratchBytes: word(STEP_SCRATCH_BYTES),
    inputs,
    outputs,
    words,
  };
}
