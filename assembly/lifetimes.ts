// Proves that a plan computes what its records say: every tensor is written once, before it is read, and nothing
// that is still needed shares bytes with anything else. A state is alive at every step, and always written. Quadratic in tensors and steps, which abi.ts bounds.
import {
  BAD_LIFETIME,
  BORDER_TENSOR,
  IO_ROLE,
  IO_TENSOR,
  LSTM_CELL,
  LSTM_HIDDEN,
  OK,
  OP_BANDS,
  OP_INPUT,
  OP_LOOKUP,
  OP_LSTM,
  OP_OUTPUT,
  OP_PUSH,
  OP_REQUANTIZE,
  OP_RESHAPE,
  OP_SOFTMAX,
  ROLE_STATE,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  STEP_SCRATCH_BYTES,
  TENSOR_DEFINED,
  TENSOR_DTYPE,
  TENSOR_LAST_USE,
  TENSOR_HEIGHT,
  TENSOR_HALO_RIGHT,
  TENSOR_WINDOW,
} from "./abi";
import { checkGroup, groupEnd, groupStart, keepsRows, resetGroups } from "./bands-check";
import { inputAt, inputCount, isBinary } from "./operands";
import {
  extentBytes,
  extentStart,
  fail,
  firstStep,
  ioPtr,
  ioRecord,
  isDense,
  nextStep,
  stepCount,
  tensorCount,
  tensorRecord,
  word,
} from "./state";

const STATE_LAST_USE = i32.MAX_VALUE;

/** Notes in every tensor record the defining and the last reading step, both counted from 1, then checks overlaps. */
export function checkLifetimes(): i32 {
  for (let io = 0; io < word(ioPtr, 0); io++) {
    const record = ioRecord(io);
    if (word(record, IO_ROLE) != ROLE_STATE) continue;
    const tensor = word(record, IO_TENSOR);
    const status = define(tensor, 0, 1);
    if (status != OK) return status;
    store<i32>(tensorRecord(tensor), STATE_LAST_USE, TENSOR_LAST_USE);
  }
  let step = firstStep();
  for (let index = 0; index < stepCount; index++) {
    const status = note(step, index);
    if (status != OK) return status;
    step = nextStep(step);
  }
  step = firstStep();
  resetGroups();
  for (let index = 0; index < stepCount; index++) {
    const status = word(step, STEP_OPCODE) == OP_BANDS ? checkGroup(step, index) : checkOverlaps(step, index);
    if (status != OK) return status;
    step = nextStep(step);
  }
  return OK;
}

function note(step: usize, index: i32): i32 {
  const opcode = word(step, STEP_OPCODE);
  if (opcode == OP_BANDS) return OK;
  // Inputs lie in the arena from the start: the host has put them there before the first step.
  if (opcode == OP_INPUT) return define(word(step, BORDER_TENSOR), index, 1);
  if (opcode == OP_OUTPUT) {
    const tensor = tensorRecord(word(step, BORDER_TENSOR));
    // Output steps come last; a tensor given out twice would be compacted twice.
    const given = word(tensor, TENSOR_LAST_USE) > stepCount;
    if (given || word(tensor, TENSOR_DEFINED) == 0) return lifetime(index, BORDER_TENSOR, word(step, BORDER_TENSOR));
    store<i32>(tensor, stepCount + 1, TENSOR_LAST_USE);
    return OK;
  }
  for (let i = 0; i < inputCount(step); i++) {
    const status = use(word(step, inputAt(i)), index, inputAt(i));
    if (status != OK) return status;
  }
  if (opcode == OP_LSTM && !(isState(word(step, LSTM_HIDDEN)) && isState(word(step, LSTM_CELL)))) {
    return lifetime(index, LSTM_HIDDEN, word(step, LSTM_HIDDEN));
  }
  if (opcode == OP_PUSH) return isState(word(step, STEP_OUT)) ? OK : lifetime(index, STEP_OUT, word(step, STEP_OUT));
  return define(word(step, STEP_OUT), index, index + 1);
}

function use(tensor: i32, index: i32, at: i32): i32 {
  const record = tensorRecord(tensor);
  if (word(record, TENSOR_DEFINED) == 0) return lifetime(index, at, tensor);
  if (!isState(tensor)) store<i32>(record, index + 1, TENSOR_LAST_USE);
  return OK;
}

function isState(tensor: i32): bool {
  return word(tensorRecord(tensor), TENSOR_LAST_USE) == STATE_LAST_USE;
}

function define(tensor: i32, index: i32, defined: i32): i32 {
  const record = tensorRecord(tensor);
  if (word(record, TENSOR_DEFINED) != 0) return lifetime(index, STEP_OUT, tensor);
  store<i32>(record, defined, TENSOR_DEFINED);
  store<i32>(record, index + 1, TENSOR_LAST_USE);
  return OK;
}

function lifetime(index: i32, at: i32, tensor: i32): i32 {
  return fail(BAD_LIFETIME, index, at, tensor);
}

/** What the step writes (its output and its scratch) against every tensor that is alive while it, or its group, runs. */
function checkOverlaps(step: usize, index: i32): i32 {
  const grouped = index < groupEnd;
  const from = grouped ? groupStart : index;
  const to = grouped ? groupEnd : index + 1;
  const opcode = word(step, STEP_OPCODE);
  const border = opcode == OP_INPUT || opcode == OP_OUTPUT;
  const written = tensorRecord(word(step, border ? BORDER_TENSOR : STEP_OUT));
  const start = extentStart(written);
  const bytes = extentBytes(written);
  const scratch = border ? 0 : <i64>word(step, STEP_SCRATCH_AT);
  const scratchBytes = border ? 0 : <i64>word(step, STEP_SCRATCH_BYTES);
  for (let i = 0; i < tensorCount; i++) {
    const tensor = tensorRecord(i);
    const defined = word(tensor, TENSOR_DEFINED);
    if (defined == 0 || defined > to || word(tensor, TENSOR_LAST_USE) <= from) continue;
    // A window is alive inside of its group alone.
    if (word(tensor, TENSOR_WINDOW) != 0 && !(grouped && defined > from)) return lifetime(index, STEP_OUT, i);
    const at = extentStart(tensor);
    const size = extentBytes(tensor);
    if (overlap(at, size, scratch, scratchBytes)) return lifetime(index, STEP_SCRATCH_AT, i);
    if (tensor == written || !overlap(at, size, start, bytes)) continue;
    const onto = mayReplace(step, opcode, tensor, written);
    const fine = grouped ? keepsRows(index, tensor, onto) : onto && word(tensor, TENSOR_LAST_USE) == index + 1;
    if (!fine) return lifetime(index, STEP_OUT, i);
  }
  return OK;
}

function overlap(a: i64, aBytes: i64, b: i64, bBytes: i64): bool {
  return aBytes > 0 && bBytes > 0 && a < b + bBytes && b < a + aBytes;
}

/** In place: an element-wise step may write over an operand of the same geometry, if nothing else needs that. */
function mayReplace(step: usize, opcode: i32, tensor: usize, written: usize): bool {
  let operand = false;
  for (let i = 0; i < inputCount(step); i++) operand = operand || tensor == tensorRecord(word(step, inputAt(i)));
  if (!operand || word(tensor, TENSOR_DTYPE) != word(written, TENSOR_DTYPE)) return false;
  if (opcode == OP_RESHAPE) {
    return extentStart(tensor) == extentStart(written) && isDense(tensor) && isDense(written);
  }
  const single = opcode == OP_REQUANTIZE || opcode == OP_SOFTMAX || opcode == OP_LOOKUP;
  if (!single && !isBinary(opcode)) return false;
  for (let at = TENSOR_HEIGHT; at <= TENSOR_HALO_RIGHT; at += 4) {
    if (word(tensor, at) != word(written, at)) return false;
  }
  return true;
}
