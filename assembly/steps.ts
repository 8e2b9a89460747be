// The step records: each against its op's contract, and the order of the borders.
import {
  ARG_MAX_STEP_BYTES,
  AVERAGE_POOL_STEP_BYTES,
  BAD_IO,
  BANDS_MEMBER_BYTES,
  BANDS_MEMBERS,
  BANDS_STEP_BYTES,
  BAD_STEP,
  BINARY_STEP_BYTES,
  BORDER_IO,
  BORDER_STEP_BYTES,
  BORDER_TENSOR,
  CONCAT_INPUT_BYTES,
  CONCAT_STEP_BYTES,
  CONSTANT_STEP_BYTES,
  CONTRACT_A8,
  CONTRACT_A8W1,
  CONTRACT_A8W8,
  CONV_STEP_BYTES,
  FEATURE_A8,
  FEATURE_W8,
  IO_BYTES,
  IO_ROLE,
  IO_TENSOR,
  L2_NORMALIZE_STEP_BYTES,
  LOOKUP_STEP_BYTES,
  LSTM_STEP_BYTES,
  MAT_MUL_STEP_BYTES,
  MAX_POOL_STEP_BYTES,
  OK,
  OP_ADD,
  OP_ARG_MAX,
  OP_AVERAGE_POOL,
  OP_BANDS,
  OP_CONCAT,
  OP_CONSTANT,
  OP_CONV,
  OP_DENSE,
  OP_DEPTH_TO_SPACE,
  OP_DEPTHWISE,
  OP_INPUT,
  OP_L2_NORMALIZE,
  OP_LOOKUP,
  OP_LSTM,
  OP_MAT_MUL,
  OP_MAX_POOL,
  OP_MAXIMUM,
  OP_MINIMUM,
  OP_MUL,
  OP_OUTPUT,
  OP_PAD,
  OP_PRELU,
  OP_PUSH,
  OP_REQUANTIZE,
  OP_RESHAPE,
  OP_RESIZE,
  OP_SOFTMAX,
  OP_SPACE_TO_DEPTH,
  OP_VIEW,
  PAD_STEP_BYTES,
  PUSH_STEP_BYTES,
  REARRANGE_STEP_BYTES,
  REQUANTIZE_STEP_BYTES,
  RESHAPE_STEP_BYTES,
  RESIZE_STEP_BYTES,
  ROLE_INPUT,
  ROLE_OUTPUT,
  ROLE_STATE,
  SOFTMAX_STEP_BYTES,
  STEP_BYTES,
  STEP_CONTRACT,
  STEP_ENGINE,
  STEP_HEADER_BYTES,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  STEP_SCRATCH_BYTES,
  TENSOR_DTYPE,
  VIEW_STEP_BYTES,
} from "./abi";
import { checkTensor } from "./checks";
import { checkArgMax, checkL2Normalize } from "./kernels/channels";
import { checkConcat } from "./kernels/concat";
import { checkConvolution, convolutionWork, packedRow } from "./kernels/conv";
import { convScratch } from "./kernels/conv.simd";
import { checkConstant, checkPad, checkReshape } from "./kernels/copy";
import { depthwiseScratch } from "./kernels/depthwise.simd";
import { checkLookup } from "./kernels/lookup";
import { checkLstm, lstmScratch, lstmWork } from "./kernels/lstm";
import { checkMatMul, matMulScratch, matMulWork } from "./kernels/mat-mul";
import { checkBinary, checkRequantize } from "./kernels/pointwise";
import { checkPool, poolWork } from "./kernels/pool";
import { checkPush } from "./kernels/push";
import { checkRearrange } from "./kernels/rearrange";
import { checkResize } from "./kernels/resize";
import { checkSoftmax } from "./kernels/softmax";
import { checkView } from "./kernels/view";
import { inputAt, inputCount } from "./operands";
import { isWeighted, partsScratch, partsWork, takesPacked } from "./parts-scratch";
import {
  arenaBytes,
  denseBytes,
  extentBytes,
  fail,
  firstStep,
  ioPtr,
  ioRecord,
  isByte,
  isPacked,
  isWide,
  nextStep,
  planBytes,
  planPtr,
  setWork,
  stepCount,
  tensorCount,
  tensorOf,
  tensorRecord,
  word,
} from "./state";

/** Where sums of work stop: one step's stays below it too, because its tensors fit into an arena below 2^31 bytes. */
const MOST_WORK: i64 = 1 << 62;

/** Bytes of an op's record, of concat's without its inputs and a group's without its members; 0 for an opcode that this engine does not know. */
function recordBytes(opcode: i32): i32 {
  switch (opcode) {
    case OP_INPUT:
    case OP_OUTPUT:
      return BORDER_STEP_BYTES;
    case OP_CONV:
    case OP_DEPTHWISE:
    case OP_DENSE:
      return CONV_STEP_BYTES;
    case OP_ADD:
    case OP_MUL:
    case OP_MINIMUM:
    case OP_MAXIMUM:
    case OP_PRELU:
      return BINARY_STEP_BYTES;
    case OP_AVERAGE_POOL:
      return AVERAGE_POOL_STEP_BYTES;
    case OP_MAX_POOL:
      return MAX_POOL_STEP_BYTES;
    case OP_SOFTMAX:
      return SOFTMAX_STEP_BYTES;
    case OP_PAD:
      return PAD_STEP_BYTES;
    case OP_RESHAPE:
      return RESHAPE_STEP_BYTES;
    case OP_REQUANTIZE:
      return REQUANTIZE_STEP_BYTES;
    case OP_CONSTANT:
      return CONSTANT_STEP_BYTES;
    case OP_LOOKUP:
      return LOOKUP_STEP_BYTES;
    case OP_CONCAT:
      return CONCAT_STEP_BYTES;
    case OP_VIEW:
      return VIEW_STEP_BYTES;
    case OP_RESIZE:
      return RESIZE_STEP_BYTES;
    case OP_SPACE_TO_DEPTH:
    case OP_DEPTH_TO_SPACE:
      return REARRANGE_STEP_BYTES;
    case OP_ARG_MAX:
      return ARG_MAX_STEP_BYTES;
    case OP_L2_NORMALIZE:
      return L2_NORMALIZE_STEP_BYTES;
    case OP_PUSH:
      return PUSH_STEP_BYTES;
    case OP_LSTM:
      return LSTM_STEP_BYTES;
    case OP_MAT_MUL:
      return MAT_MUL_STEP_BYTES;
    case OP_BANDS:
      return BANDS_STEP_BYTES;
    default:
      return 0;
  }
}

/** Checks every step and sums up the work of a run. `features` are the ones that the prefix declares. */
export function checkSteps(features: u64): i32 {
  let step = firstStep();
  const end = planPtr + planBytes;
  let stage = OP_INPUT; // inputs, then nodes (0), then outputs
  let total: i64 = 0;
  let borders = 0;
  for (let index = 0; index < stepCount; index++) {
    if (end - step < <usize>STEP_HEADER_BYTES) return fail(BAD_STEP, index, STEP_BYTES, <i32>(end - step));
    const opcode = word(step, STEP_OPCODE);
    let bytes = recordBytes(opcode);
    if (bytes == 0 || !((features >> opcode) & 1)) return fail(BAD_STEP, index, STEP_OPCODE, opcode);
    if (opcode == OP_CONCAT) bytes += max(inputCount(step), 1) * CONCAT_INPUT_BYTES;
    if (opcode == OP_BANDS) bytes += word(step, BANDS_MEMBERS) * BANDS_MEMBER_BYTES;
    if (word(step, STEP_BYTES) != bytes || <usize>bytes > end - step) {
      return fail(BAD_STEP, index, STEP_BYTES, word(step, STEP_BYTES));
    }
    if (word(step, STEP_ENGINE) != 0) return fail(BAD_STEP, index, STEP_ENGINE, word(step, STEP_ENGINE));
    if (opcode == OP_INPUT || opcode == OP_OUTPUT) borders++;
    if (opcode != OP_INPUT && stage == OP_INPUT) stage = 0;
    if (opcode == OP_OUTPUT) stage = OP_OUTPUT;
    if ((opcode == OP_INPUT && stage != OP_INPUT) || (opcode != OP_OUTPUT && stage == OP_OUTPUT)) {
      return fail(BAD_STEP, index, STEP_OPCODE, opcode);
    }
    const status = checkStep(step, index, opcode, features);
    if (status != OK) return status;
    total = min(total + stepWork(step, opcode), MOST_WORK);
    step = nextStep(step);
  }
  setWork(total);
  for (let io = 0; io < word(ioPtr, 0); io++) {
    if (word(ioRecord(io), IO_ROLE) != ROLE_STATE) continue;
    borders++;
    const tensor = word(ioRecord(io), IO_TENSOR);
    const known = tensor >= 0 && tensor < tensorCount && !isPacked(tensorRecord(tensor));
    if (!known || <i64>word(ioRecord(io), IO_BYTES) != denseBytes(tensorRecord(tensor))) {
      return fail(BAD_IO, io, IO_TENSOR, tensor);
    }
  }
  if (step != end) return fail(BAD_STEP, stepCount, STEP_BYTES, <i32>(end - step));
  return borders == word(ioPtr, 0) ? OK : fail(BAD_STEP, stepCount, BORDER_IO, borders);
}

function checkStep(step: usize, index: i32, opcode: i32, features: u64): i32 {
  const weighted = isWeighted(opcode);
  const contract = word(step, STEP_CONTRACT);
  const known = weighted ? contract >= CONTRACT_A8W8 && contract <= CONTRACT_A8W1 : contract == CONTRACT_A8;
  const feature = weighted ? FEATURE_W8 + contract - CONTRACT_A8W8 : FEATURE_A8;
  if (!known || !((features >> feature) & 1)) return fail(BAD_STEP, index, STEP_CONTRACT, contract);
  if (opcode == OP_INPUT || opcode == OP_OUTPUT) return checkBorder(step, index, opcode);
  if (opcode == OP_BANDS) return OK;
  let status = checkTensor(step, index, STEP_OUT);
  for (let i = 0; status == OK && i < inputCount(step); i++) {
    const at = inputAt(i);
    status = checkTensor(step, index, at);
    if (status == OK && word(step, at) == word(step, STEP_OUT)) status = fail(BAD_STEP, index, STEP_OUT, 0);
  }
  if (status == OK) status = checkWidths(step, index, opcode);
  if (status == OK) status = checkOp(step, index, opcode);
  return status != OK ? status : checkScratch(step, index, opcode);
}

/**
 * Packed pixels: where parts.ts widens them, in concat and in what moves codes; a softmax makes bytes. Codes of 16
 * bits: sums, pools and what moves codes; convolutions only make them.
 */
function checkWidths(step: usize, index: i32, opcode: i32): i32 {
  const moves = movesCodes(opcode);
  const packs = (takesPacked(opcode) && opcode != OP_SOFTMAX) || opcode == OP_RESHAPE || opcode == OP_CONCAT || moves;
  const wide = takesWide(opcode) || moves;
  const output = tensorOf(step, STEP_OUT);
  if (moves && word(tensorOf(step, STEP_IN), TENSOR_DTYPE) != word(output, TENSOR_DTYPE)) {
    return fail(BAD_STEP, index, STEP_IN, word(step, STEP_IN));
  }
  if (isPacked(output) ? !packs : isWide(output) && !wide && !isWeighted(opcode)) {
    return fail(BAD_STEP, index, STEP_OUT, word(step, STEP_OUT));
  }
  for (let i = 0; i < inputCount(step); i++) {
    const input = tensorOf(step, inputAt(i));
    if (isPacked(input) ? !packs && opcode != OP_SOFTMAX : isWide(input) && !wide) {
      return fail(BAD_STEP, index, inputAt(i), word(step, inputAt(i)));
    }
  }
  return OK;
}

/** Whether an op moves codes as they are, of any width. */
function movesCodes(opcode: i32): bool {
  const rearranges = opcode == OP_SPACE_TO_DEPTH || opcode == OP_DEPTH_TO_SPACE;
  return rearranges || opcode == OP_PAD || opcode == OP_VIEW || opcode == OP_RESIZE;
}

/** Whether an op's operands and output may have 16 bits. */
function takesWide(opcode: i32): bool {
  const sums = opcode == OP_ADD || opcode == OP_REQUANTIZE || opcode == OP_CONCAT;
  return sums || opcode == OP_AVERAGE_POOL || opcode == OP_MAX_POOL || opcode == OP_RESHAPE;
}

function checkOp(step: usize, index: i32, opcode: i32): i32 {
  switch (opcode) {
    case OP_CONV:
    case OP_DEPTHWISE:
    case OP_DENSE:
      return checkConvolution(step, index);
    case OP_ADD:
    case OP_MUL:
    case OP_MINIMUM:
    case OP_MAXIMUM:
    case OP_PRELU:
      return checkBinary(step, index);
    case OP_CONSTANT:
      return checkConstant(step, index);
    case OP_LOOKUP:
      return checkLookup(step, index);
    case OP_CONCAT:
      return checkConcat(step, index);
    case OP_VIEW:
      return checkView(step, index);
    case OP_RESIZE:
      return checkResize(step, index);
    case OP_SPACE_TO_DEPTH:
    case OP_DEPTH_TO_SPACE:
      return checkRearrange(step, index);
    case OP_ARG_MAX:
      return checkArgMax(step, index);
    case OP_L2_NORMALIZE:
      return checkL2Normalize(step, index);
    case OP_AVERAGE_POOL:
    case OP_MAX_POOL:
      return checkPool(step, index);
    case OP_SOFTMAX:
      return checkSoftmax(step, index);
    case OP_PAD:
      return checkPad(step, index);
    case OP_PUSH:
      return checkPush(step, index);
    case OP_LSTM:
      return checkLstm(step, index);
    case OP_MAT_MUL:
      return checkMatMul(step, index);
    case OP_RESHAPE:
      return checkReshape(step, index);
    default:
      return checkRequantize(step, index);
  }
}

/** Every build asks for the scratch of the neediest one, so that a file runs in all or in none. */
function checkScratch(step: usize, index: i32, opcode: i32): i32 {
  let needed = partsScratch(step);
  if (opcode == OP_CONV || opcode == OP_DENSE) needed += convScratch(packedRow(step));
  if (opcode == OP_DEPTHWISE) needed += depthwiseScratch(packedRow(step));
  if (opcode == OP_LSTM) needed += lstmScratch(step);
  if (opcode == OP_MAT_MUL) needed += matMulScratch(step);
  const bytes = <i64>word(step, STEP_SCRATCH_BYTES);
  if (bytes < needed) return fail(BAD_STEP, index, STEP_SCRATCH_BYTES, <i32>bytes);
  const at = <i64>word(step, STEP_SCRATCH_AT);
  return at >= 0 && at + bytes <= <i64>arenaBytes ? OK : fail(BAD_STEP, index, STEP_SCRATCH_AT, <i32>at);
}

/** An input or output step and its io record name the same tensor, and its dense bytes. */
function checkBorder(step: usize, index: i32, opcode: i32): i32 {
  const status = checkTensor(step, index, BORDER_TENSOR);
  if (status != OK) return status;
  const io = word(step, BORDER_IO);
  if (io < 0 || io >= word(ioPtr, 0)) return fail(BAD_STEP, index, BORDER_IO, io);
  const record = ioRecord(io);
  const tensor = word(step, BORDER_TENSOR);
  const same =
    word(record, IO_ROLE) == (opcode == OP_INPUT ? ROLE_INPUT : ROLE_OUTPUT) &&
    word(record, IO_TENSOR) == tensor &&
    isByte(tensorRecord(tensor)) &&
    <i64>word(record, IO_BYTES) == denseBytes(tensorRecord(tensor));
  return same ? OK : fail(BAD_STEP, index, BORDER_IO, io);
}

/** Multiply-adds or pooled elements, and the bytes written, halo included: a small tensor may have a large one. */
function stepWork(step: usize, opcode: i32): i64 {
  if (opcode == OP_BANDS) return 0;
  const border = opcode == OP_INPUT || opcode == OP_OUTPUT;
  let bytes = extentBytes(tensorOf(step, border ? BORDER_TENSOR : STEP_OUT));
  if (!border) bytes += partsWork(step);
  if (isWeighted(opcode)) return bytes + convolutionWork(step);
  if (opcode == OP_ARG_MAX) return bytes + denseBytes(tensorOf(step, STEP_IN));
  if (opcode == OP_LSTM) return bytes + lstmWork(step);
  if (opcode == OP_MAT_MUL) return bytes + matMulWork(step);
  return opcode == OP_AVERAGE_POOL || opcode == OP_MAX_POOL ? bytes + poolWork(step) : bytes;
}
