// Steps that the 8-bit kernels cannot take as they are, cut into parts that they can: records of a step and its
// tensors, in static memory, over scratch. A step with packed pixels runs one output row at a time, its operands' rows
// widened to bytes (with the zero point around them) and its output's packed behind it; a step with planes of weights
// one panel at a time, unpacked to bytes: as many blocks of eight channels as its scratch has room for, one at least;
// a pool of packed pixels 16 channels at a time.
//
//   scratch   | rows of the first input | row of the second | output row | panel of weights | the kernel's own |
import {
  BINARY_IN_B,
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_GROUPS,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_MULTIPLIER_AT,
  CONV_PAD_LEFT,
  CONV_PAD_TOP,
  CONV_STEP_BYTES,
  CONV_STRIDE_H,
  CONV_STRIDE_W,
  CONV_WEIGHTS_AT,
  DTYPE_INT8,
  OP_DEPTHWISE,
  POOL_KERNEL_H,
  POOL_PAD_TOP,
  POOL_STRIDE_H,
  QUAD,
  STEP_BYTES,
  STEP_ENGINE,
  STEP_IN,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_AT,
  STEP_SCRATCH_BYTES,
  TENSOR_BYTES,
  TENSOR_CHANNELS,
  TENSOR_DTYPE,
  TENSOR_HEIGHT,
  TENSOR_OFFSET,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "./abi";
import { arrangeCodes, BITS, unpackQuads } from "./arrange";
import { blockBytes, groupChannels, groupDepth, packedRow } from "./kernels/conv";
import { packPixels, widenPixels } from "./numerics/packed";
import { isBinary } from "./operands";
import { OWN } from "./own";
import { arenaPtr, bitsOf, flip, isPacked, pixels, tensorOf, tensorRecord, weightsPtr, word } from "./state";
import {
  POOL_CHANNELS,
  groupBlocks,
  isPool,
  isWeighted,
  panelBlocks,
  planeScratch,
  rowBytes,
  rowsBytes,
  runsByRows,
  widenedPitch,
} from "./parts-scratch";

const STEP: usize = OWN + memory.data(CONV_STEP_BYTES, 16);
const TENSORS: usize = OWN + memory.data(4 * TENSOR_BYTES, 16); // three records, in phase with the plan's

let whole: usize = 0;
/** Where scratch holds the rows of both inputs, the output row and the block, relative to the arena. */
let rowsA: i32 = 0;
let rowB: i32 = 0;
let outRow: i32 = 0;
let unpacked: i32 = 0;
/** First channel of the part's tensors, before a block of channels is taken. */
let inStart: i32 = 0;
let outStart: i32 = 0;
let row: i32 = 0;
let rowCount: i32 = 0;
/** Blocks of eight channels in a panel of weights. */
let panel: i32 = 0;
let block: i32 = 0;
let blocks: i32 = 0;

/** The first part of a step; its record holds until the next one is asked for. */
export function firstPart(step: usize): usize {
  whole = step;
  const opcode = word(step, STEP_OPCODE);
  memory.copy(STEP, step, word(step, STEP_BYTES));
  rowsA = word(step, STEP_SCRATCH_AT);
  rowB = rowsA + <i32>rowsBytes(step);
  outRow = rowB + (isBinary(opcode) ? <i32>rowBytes(step, BINARY_IN_B) : 0);
  unpacked = outRow + <i32>rowBytes(step, STEP_OUT);
  panel = panelBlocks(step);
  const end = unpacked + <i32>planeScratch(step) * panel;
  store<i32>(STEP, end, STEP_SCRATCH_AT);
  store<i32>(STEP, word(step, STEP_SCRATCH_BYTES) - (end - rowsA), STEP_SCRATCH_BYTES);
  copyTensor(0, STEP_IN);
  copyTensor(1, STEP_OUT);
  if (isBinary(opcode)) copyTensor(2, BINARY_IN_B);
  const output = tensorOf(step, STEP_OUT);
  inStart = word(tensorOf(step, STEP_IN), TENSOR_OFFSET);
  outStart = word(output, TENSOR_OFFSET);
  rowCount = runsByRows(step) ? word(output, TENSOR_HEIGHT) : 0;
  blocks = 1;
  if (planeScratch(step) != 0) blocks = word(step, CONV_GROUPS) * panelsOf(step);
  if (isPool(opcode) && isPacked(tensorOf(step, STEP_IN))) {
    blocks = (word(output, TENSOR_CHANNELS) + POOL_CHANNELS - 1) / POOL_CHANNELS;
  }
  row = 0;
  block = -1;
  if (rowCount > 0) takeRow();
  return nextPart();
}

/** The part behind the last one, or 0. */
export function nextPart(): usize {
  if (++block >= blocks) {
    if (rowCount > 0) packRow();
    if (++row >= rowCount) return 0;
    takeRow();
    block = 0;
  }
  if (planeScratch(whole) != 0) takePanel();
  else if (isPool(word(whole, STEP_OPCODE)) && isPacked(tensorOf(whole, STEP_IN))) takePoolChannels();
  return STEP;
}

/** Copies the record of the tensor at word `at`; the part names it by an index that wraps around below the plan. */
function copyTensor(place: i32, at: i32): void {
  const first = tensorRecord(0);
  const record = TENSORS + ((first - TENSORS) % TENSOR_BYTES) + place * TENSOR_BYTES;
  memory.copy(record, tensorOf(whole, at), TENSOR_BYTES);
  const asBits = at == STEP_IN && word(whole, STEP_ENGINE) == BITS;
  if (isPacked(record) && !asBits) store<i32>(record, DTYPE_INT8, TENSOR_DTYPE);
  store<i32>(STEP + at, <i32>(record - first) >> 6);
}

/** Puts a tensor of the part at a byte of the arena, with touching bytes in its pixels if they are widened ones. */
function place(at: i32, offset: i32, pitch: i32): void {
  const tensor = tensorOf(STEP, at);
  store<i32>(tensor, offset, TENSOR_OFFSET);
  if (at == STEP_IN) inStart = offset;
  if (at == STEP_OUT) outStart = offset;
  if (!isPacked(tensorOf(whole, at))) return;
  store<i32>(tensor, pitch, TENSOR_ROW_PITCH);
  store<i32>(tensor, word(tensorOf(whole, at), TENSOR_CHANNELS), TENSOR_PIXEL_PITCH);
}

function setHeight(at: i32, height: i32): void {
  store<i32>(tensorOf(STEP, at), height, TENSOR_HEIGHT);
}

// @ts-ignore: decorator
@inline
function rowOffset(tensor: usize, y: i32): i32 {
  return word(tensor, TENSOR_OFFSET) + y * word(tensor, TENSOR_ROW_PITCH);
}

/** Prepares the tensors of output row `row`. */
function takeRow(): void {
  const opcode = word(whole, STEP_OPCODE);
  const output = tensorOf(whole, STEP_OUT);
  setHeight(STEP_OUT, 1);
  place(STEP_OUT, isPacked(output) ? outRow : rowOffset(output, row), 0);
  if (isWeighted(opcode)) {
    takeWindows();
  } else if (isPool(opcode)) {
    takePoolRows();
  } else {
    takeOperand(STEP_IN, rowsA);
    if (isBinary(opcode)) takeOperand(BINARY_IN_B, rowB);
  }
}

/** The one row of an element-wise operand, which may be the same for every output row. */
function takeOperand(at: i32, scratch: i32): void {
  const tensor = tensorOf(whole, at);
  const y = word(tensor, TENSOR_HEIGHT) == 1 ? 0 : row;
  setHeight(at, 1);
  place(at, isPacked(tensor) ? scratch : rowOffset(tensor, y), 0);
  if (!isPacked(tensor)) return;
  widenColumns(arenaPtr + scratch, tensor, y, 0, word(tensor, TENSOR_WIDTH));
}

/** The rows that the windows of a convolution's output row touch, one behind the other; bytes stay where they are. */
function takeWindows(): void {
  const input = tensorOf(whole, STEP_IN);
  const top = row * word(whole, CONV_STRIDE_H);
  if (word(whole, STEP_ENGINE) == BITS) {
    store<i32>(STEP, word(whole, CONV_PAD_TOP) - top, CONV_PAD_TOP);
    return;
  }
  if (!isPacked(input)) {
    place(STEP_IN, rowOffset(input, top), 0);
    return;
  }
  const pitch = <i32>widenedPitch(whole);
  const channels = word(input, TENSOR_CHANNELS);
  const left = word(whole, CONV_PAD_LEFT);
  const columns =
    (word(tensorOf(whole, STEP_OUT), TENSOR_WIDTH) - 1) * word(whole, CONV_STRIDE_W) +
    (word(whole, CONV_KERNEL_W) - 1) * word(whole, CONV_DILATION_W) +
    1;
  const zero = <u8>(word(input, TENSOR_ZERO_POINT) ^ flip);
  const first = min(left, columns);
  const width = max(min(word(input, TENSOR_WIDTH), columns - left), 0);
  for (let k = 0; k < word(whole, CONV_KERNEL_H); k++) {
    const y = top - word(whole, CONV_PAD_TOP) + k * word(whole, CONV_DILATION_H);
    const target = arenaPtr + rowsA + k * pitch;
    const inside = y >= 0 && y < word(input, TENSOR_HEIGHT);
    const before = inside ? first : columns;
    memory.fill(target, zero, before * channels);
    if (!inside) continue;
    widenColumns(target + first * channels, input, y, 0, width);
    const end = first + width;
    memory.fill(target + end * channels, zero, (columns - end) * channels);
  }
  store<i32>(STEP, 0, CONV_PAD_TOP);
  store<i32>(STEP, 1, CONV_DILATION_H);
  place(STEP_IN, rowsA + left * channels, pitch);
}

/** Pixels [x, x + count) of row `y` as touching bytes. */
function widenColumns(target: usize, tensor: usize, y: i32, x: i32, count: i32): void {
  const pitch = word(tensor, TENSOR_PIXEL_PITCH);
  const source = pixels(tensor) + y * word(tensor, TENSOR_ROW_PITCH) + x * pitch;
  widenPixels(target, source, count, word(tensor, TENSOR_CHANNELS), pitch, bitsOf(tensor), flip);
}

/** The input rows under a pool's output row; packed ones are widened by channels (takePoolChannels). */
function takePoolRows(): void {
  const input = tensorOf(whole, STEP_IN);
  const top = row * word(whole, POOL_STRIDE_H) - word(whole, POOL_PAD_TOP);
  const first = max(top, 0);
  setHeight(STEP_IN, min(top + word(whole, POOL_KERNEL_H), word(input, TENSOR_HEIGHT)) - first);
  store<i32>(STEP, 0, POOL_PAD_TOP);
  place(STEP_IN, isPacked(input) ? rowsA : rowOffset(input, first), <i32>widenedPitch(whole));
}

function takePoolChannels(): void {
  const input = tensorOf(whole, STEP_IN);
  const part = tensorOf(STEP, STEP_IN);
  const n = block * POOL_CHANNELS;
  const count = min(POOL_CHANNELS, word(input, TENSOR_CHANNELS) - n);
  const first = max(row * word(whole, POOL_STRIDE_H) - word(whole, POOL_PAD_TOP), 0);
  const bits = bitsOf(input);
  const width = word(input, TENSOR_WIDTH);
  for (let y = 0; y < word(part, TENSOR_HEIGHT); y++) {
    const source = pixels(input) + (first + y) * word(input, TENSOR_ROW_PITCH) + ((n * bits) >> 3);
    const target = arenaPtr + rowsA + y * word(part, TENSOR_ROW_PITCH);
    for (let x = 0; x < width; x++) {
      const pixel = source + x * word(input, TENSOR_PIXEL_PITCH);
      widenPixels(target + x * count, pixel, 1, count, 0, bits, flip);
    }
  }
  store<i32>(part, count, TENSOR_CHANNELS);
  store<i32>(part, count, TENSOR_PIXEL_PITCH);
  takeChannels(STEP_OUT, n, count);
}

/** The output row's bytes to packed pixels. */
function packRow(): void {
  const output = tensorOf(whole, STEP_OUT);
  if (!isPacked(output)) return;
  const target = arenaPtr + rowOffset(output, row);
  const pitch = word(output, TENSOR_PIXEL_PITCH);
  const channels = word(output, TENSOR_CHANNELS);
  packPixels(target, arenaPtr + outRow, word(output, TENSOR_WIDTH), channels, pitch, bitsOf(output), flip);
}

/** Panels of one group. */
function panelsOf(step: usize): i32 {
  return (groupBlocks(step) + panel - 1) / panel;
}

/** The output channels of a panel, of one group; their weights as bytes. */
function takePanel(): void {
  const perGroup = groupChannels(whole);
  const panels = panelsOf(whole);
  const group = block / panels;
  const first = (block % panels) * panel;
  const n = first * CHANNEL_BLOCK;
  const count = min(panel * CHANNEL_BLOCK, perGroup - n);
  const depthwise = word(whole, STEP_OPCODE) == OP_DEPTHWISE;
  takeChannels(STEP_IN, depthwise ? n : group * groupDepth(whole), depthwise ? count : groupDepth(whole));
  takeChannels(STEP_OUT, group * perGroup + n, count);
  const codes = arenaPtr + unpacked;
  const bytes = <i32>blockBytes(whole);
  const place = group * groupBlocks(whole) + first; // of the panel's first block
  const packed = weightsPtr + word(whole, CONV_WEIGHTS_AT) + place * bytes;
  const taps = <i32>packedRow(whole);
  const taken = (count + CHANNEL_BLOCK - 1) / CHANNEL_BLOCK;
  for (let i = 0; i < taken; i++) {
    unpackQuads(whole, codes + i * taps * CHANNEL_BLOCK, packed + i * bytes, taps / QUAD, 0, taps / QUAD);
  }
  if (ASC_FEATURE_SIMD) arrangeCodes(codes, taken * taps * CHANNEL_BLOCK, word(whole, STEP_ENGINE), true);
  store<i32>(STEP, <i32>(codes - weightsPtr), CONV_WEIGHTS_AT);
  store<i32>(STEP, word(whole, CONV_BIAS_AT) + place * CHANNEL_BLOCK * 4, CONV_BIAS_AT);
  store<i32>(STEP, word(whole, CONV_MULTIPLIER_AT) + place * CHANNEL_BLOCK * 4, CONV_MULTIPLIER_AT);
  store<i32>(STEP, 1, CONV_GROUPS);
}

/** The part's tensor at word `at` becomes `count` channels of the row's, or of the whole one. */
function takeChannels(at: i32, first: i32, count: i32): void {
  const tensor = tensorOf(STEP, at);
  store<i32>(tensor, (at == STEP_IN ? inStart : outStart) + ((first * bitsOf(tensor)) >> 3), TENSOR_OFFSET);
  store<i32>(tensor, count, TENSOR_CHANNELS);
}
