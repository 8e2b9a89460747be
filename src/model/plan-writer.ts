import {
  BANDS_COUNT,
  BANDS_LEAD,
  BANDS_MEMBER_BYTES,
  BANDS_MEMBERS,
  BANDS_ROWS,
  BANDS_STEP_BYTES,
  BORDER_IO,
  BORDER_STEP_BYTES,
  BORDER_TENSOR,
  CONTRACT_A8,
  DTYPE_INT2,
  DTYPE_INT4,
  DTYPE_INT8,
  DTYPE_INT16,
  DTYPE_UINT1,
  MAX_EXTENT,
  MAX_STEPS,
  MAX_TENSORS,
  OP_BANDS,
  OP_INPUT,
  OP_OUTPUT,
  PLAN_HEADER_BYTES,
  PLAN_STEP_COUNT,
  PLAN_STEPS_AT,
  PLAN_TENSOR_COUNT,
  STEP_BYTES,
  STEP_CONTRACT,
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
  TENSOR_HALO_FILL_AT,
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
  WEIGHTS_ALIGNMENT,
} from "../../assembly/abi.ts";
import { DyadicError } from "../error.ts";
import { bitsOf, type IntegerGraph, type IntegerNode, type IntegerTensor } from "../graph/integer.ts";
import { opNamed } from "../ops/index.ts";
import type { Group, Layout, Placement, Scratch } from "../plan/layout.ts";

/**
 * The weights section while it grows: arrays on their alignment, in the order of the steps. Identical arrays are not
 * merged: an engine build permutes each in place while loading.
 */
class WeightStore {
  private readonly arrays: { at: number; bytes: Uint8Array }[] = [];
  private end = 0;

  /** Byte offset in the section of an array with these bytes. */
  place(view: ArrayBufferView): number {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
    const at = Math.ceil(this.end / WEIGHTS_ALIGNMENT) * WEIGHTS_ALIGNMENT;
    this.arrays.push({ at, bytes });
    this.end = at + bytes.length;
    return at;
  }

  section(): Uint8Array {
    const section = new Uint8Array(this.end);
    for (const { at, bytes } of this.arrays) section.set(bytes, at);
    return section;
  }
}

/**
 * The plan section (tensor records, then step records, i32 words) and the weights section that it points into.
 * Throws UNSUPPORTED_OP where the model exceeds a limit of the format.
 */
export function encodePlan(graph: IntegerGraph, layout: Layout): { plan: Uint8Array; weights: Uint8Array } {
  const store = new WeightStore();
  // Constants lie in the order of the records that name them: tensors first.
  const fills = graph.tensors.map(({ zeroPoints }) =>
    zeroPoints === undefined ? -1 : store.place(zeroPoints),
  );
  const steps = [
    ...graph.inputs.map((border, io) => borderStep(OP_INPUT, border.tensor, io)),
    ...graph.nodes.flatMap((node, k) => [
      ...layout.groups.filter(({ first }) => first === k).map(bandsStep),
      nodeStep(node, layout.scratch[k]!, store),
    ]),
    ...graph.outputs.map((border, i) => borderStep(OP_OUTPUT, border.tensor, graph.inputs.length + i)),
  ];
  if (graph.tensors.length > MAX_TENSORS || steps.length > MAX_STEPS) {
    throw new DyadicError("UNSUPPORTED_OP", "the model has too many tensors or steps", {
      expected: `at most ${MAX_TENSORS} tensors and ${MAX_STEPS} steps`,
      found: `${graph.tensors.length} and ${steps.length}`,
    });
  }
  const stepsAt = PLAN_HEADER_BYTES + graph.tensors.length * TENSOR_BYTES;
  const plan = new Uint8Array(steps.reduce((sum, step) => sum + step.byteLength, stepsAt));
  const header = words(plan.buffer, 0);
  header(PLAN_TENSOR_COUNT, graph.tensors.length);
  header(PLAN_STEP_COUNT, steps.length);
  header(PLAN_STEPS_AT, stepsAt);
  graph.tensors.forEach((tensor, i) => {
    encodeTensor(
      tensor,
      layout.placements[i]!,
      fills[i]!,
      words(plan.buffer, PLAN_HEADER_BYTES + i * TENSOR_BYTES),
    );
  });
  let at = stepsAt;
  for (const step of steps) {
    plan.set(new Uint8Array(step), at);
    at += step.byteLength;
  }
  return { plan, weights: store.section() };
}

const DTYPES = { 16: DTYPE_INT16, 8: DTYPE_INT8, 4: DTYPE_INT4, 2: DTYPE_INT2, 1: DTYPE_UINT1 } as const;

type SetWord = (at: number, value: number) => void;

/** Writes i32 words of a record; what does not fit one is a mistake of the compiler. */
function words(buffer: ArrayBufferLike, start: number): SetWord {
  const view = new DataView(buffer, start);
  return (at, value) => {
    if (value !== (value | 0))
      throw new DyadicError("INTERNAL", `word ${at} of a record is not an i32: ${value}`);
    view.setInt32(at, value, true);
  };
}

function encodeTensor(tensor: IntegerTensor, placement: Placement, fillAt: number, set: SetWord): void {
  const { shape, name } = tensor;
  if (shape.some((size) => size > MAX_EXTENT)) {
    throw new DyadicError("UNSUPPORTED_OP", `tensor "${name}" is too large for the format`, {
      expected: `no dimension above ${MAX_EXTENT}`,
      found: `[${shape.join(", ")}]`,
    });
  }
  set(TENSOR_DTYPE, DTYPES[bitsOf(tensor)]);
  set(TENSOR_HEIGHT, shape[0]);
  set(TENSOR_WIDTH, shape[1]);
  set(TENSOR_CHANNELS, shape[2]);
  set(TENSOR_OFFSET, placement.offset);
  set(TENSOR_ROW_PITCH, placement.rowPitch);
  set(TENSOR_PIXEL_PITCH, placement.pixelPitch);
  set(TENSOR_HALO_TOP, placement.halo[0]);
  set(TENSOR_HALO_LEFT, placement.halo[1]);
  set(TENSOR_HALO_BOTTOM, placement.halo[2]);
  set(TENSOR_HALO_RIGHT, placement.halo[3]);
  set(TENSOR_ZERO_POINT, tensor.zeroPoint);
  set(TENSOR_HALO_FILL_AT, fillAt);
  set(TENSOR_WINDOW, placement.window ?? 0);
}

function borderStep(opcode: number, tensor: number, io: number): ArrayBuffer {
  const record = new ArrayBuffer(BORDER_STEP_BYTES);
  const set = words(record, 0);
  set(STEP_OPCODE, opcode);
  set(STEP_BYTES, BORDER_STEP_BYTES);
  set(STEP_CONTRACT, CONTRACT_A8);
  set(BORDER_TENSOR, tensor);
  set(BORDER_IO, io);
  return record;
}

/** In front of the steps of the group's members. */
function bandsStep({ bands, members }: Group): ArrayBuffer {
  const bytes = BANDS_STEP_BYTES + members.length * BANDS_MEMBER_BYTES;
  const record = new ArrayBuffer(bytes);
  const set = words(record, 0);
  set(STEP_OPCODE, OP_BANDS);
  set(STEP_BYTES, bytes);
  set(STEP_CONTRACT, CONTRACT_A8);
  set(BANDS_MEMBERS, members.length);
  set(BANDS_COUNT, bands);
  members.forEach(({ perBand, lead }, i) => {
    const at = BANDS_STEP_BYTES + i * BANDS_MEMBER_BYTES;
    set(at + BANDS_ROWS, perBand);
    set(at + BANDS_LEAD, lead);
  });
  return record;
}

function nodeStep(node: IntegerNode, scratch: Scratch, store: WeightStore): ArrayBuffer {
  const op = opNamed(node.op);
  const bytes = op.stepBytes + (op.inputBytes ?? 0) * node.inputs.length;
  const record = new ArrayBuffer(bytes);
  const set = words(record, 0);
  set(STEP_OPCODE, op.opcode);
  set(STEP_BYTES, bytes);
  set(STEP_CONTRACT, op.contractOf?.(node.parameters) ?? op.contract);
  set(STEP_SCRATCH_AT, scratch.offset);
  set(STEP_SCRATCH_BYTES, scratch.bytes);
  set(STEP_IN, node.inputs[0] ?? -1);
  node.inputs.slice(1).forEach((input, i) => {
    set(STEP_MORE_INPUTS + 4 * i, input);
  });
  set(STEP_OUT, node.output);
  const constant = (array: ArrayBufferView) => store.place(array);
  op.encode(node.parameters, { set, constant, inputs: node.inputs, output: node.output });
  return record;
}
