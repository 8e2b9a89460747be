// Steps to kernels: one switch on the opcode.
import {
  BANDS_MEMBERS,
  BORDER_TENSOR,
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
  OP_RESHAPE,
  OP_REQUANTIZE,
  OP_RESIZE,
  OP_SOFTMAX,
  OP_SPACE_TO_DEPTH,
  OP_VIEW,
  STEP_ENGINE,
  STEP_OPCODE,
  STEP_OUT,
  STEP_SCRATCH_BYTES,
} from "./abi";
import { BITS, PLANES, RELAXED } from "./arrange";
import {
  closeGroup,
  MEMBER_SIZE,
  MEMBER_STEP,
  MEMBERS,
  membersEnd,
  nextBand,
  openGroup,
  returnRows,
  takeRows,
} from "./bands";
import { HAS_RELAXED_DOT, HAS_THREADS } from "./build";
import { fillHalo, gather, inputStage, outputStage, spread } from "./kernels/border";
import { channels_a8 } from "./kernels/channels";
import { concat_a8 } from "./kernels/concat";
import { conv_a8w8__scalar } from "./kernels/conv";
import { conv_a1w1 } from "./kernels/conv.binary";
import { conv_a8w8__relaxed } from "./kernels/conv.relaxed";
import { conv_a8w8__simd } from "./kernels/conv.simd";
import { conv_a8w8__simd_winograd, takesWinograd } from "./kernels/conv.winograd";
import { constant_a8, pad_a8, reshape_a8 } from "./kernels/copy";
import { dense_planes } from "./kernels/dense.planes";
import { depthwise_a8w8__scalar } from "./kernels/depthwise";
import { depthwise_a8w8__simd } from "./kernels/depthwise.simd";
import { lookup_a8 } from "./kernels/lookup";
import { lstm_a8 } from "./kernels/lstm";
import { mat_mul_a8 } from "./kernels/mat-mul";
import { pointwise_a8 } from "./kernels/pointwise";
import { pool_a8 } from "./kernels/pool";
import { push_a8 } from "./kernels/push";
import { rearrange_a8 } from "./kernels/rearrange";
import { resize_a8 } from "./kernels/resize";
import { softmax_a8 } from "./kernels/softmax";
import { view_a8 } from "./kernels/view";
import { firstPart, nextPart } from "./parts";
import { runsInParts } from "./parts-scratch";
import { shareCount, shareRecord } from "./shares";
import { firstStep, nextStep, tensorOf, word } from "./state";
import {
  adoptModel,
  awaitShares,
  finishShare,
  isLost,
  offerShares,
  seekShare,
  takenCount,
  takenShare,
  takenStep,
  takeShare,
} from "./threads";

/** Runs the steps from one number to another, of a validated plan; the members of a group with the group's own step. */
export function execute(from: i32, to: i32): void {
  let step = firstStep();
  let members = 0; // still to come
  for (let index = 0; index < to; index++) {
    const grouped = --members >= 0;
    if (word(step, STEP_OPCODE) == OP_BANDS) members = word(step, BANDS_MEMBERS);
    if (index >= from && !grouped) runStep(step);
    step = nextStep(step);
  }
}

/** Runs a step, in shares where threads may help. */
// @ts-ignore: decorator
@inline
function runStep(step: usize): void {
  if (HAS_THREADS) {
    spreadStep(step);
  } else {
    executeStep(step);
  }
}

function spreadStep(step: usize): void {
  if (isLost()) return;
  const count = shareCount(step);
  if (count == 1) {
    executeStep(step);
    return;
  }
  offerShares(step, count);
  while (takeShare()) runShare();
  fillHalo(tensorOf(step, STEP_OUT));
  awaitShares(count);
}

/** Computes the share that was taken. Halos belong to no share. */
function runShare(): void {
  executeStep(shareRecord(takenStep, takenShare, takenCount));
  finishShare();
}

/** What a helper does again and again: looks for a share for a while, and computes it. */
export function help(): void {
  if (!seekShare()) return;
  adoptModel();
  runShare();
}

function executeStep(step: usize): void {
  if (!runsInParts(step)) {
    runKernel(step);
    return;
  }
  for (let part = firstPart(step); part != 0; part = nextPart()) runKernel(part);
  fillHalo(tensorOf(step, STEP_OUT));
}

function runBands(group: usize): void {
  openGroup(group);
  while (nextBand()) {
    for (let m = MEMBERS; m < membersEnd; m += MEMBER_SIZE) {
      if (!takeRows(m)) continue;
      runStep(word(m, MEMBER_STEP));
      returnRows(m);
    }
  }
  closeGroup();
}

function runKernel(step: usize): void {
  switch (word(step, STEP_OPCODE)) {
    case OP_INPUT: {
      const tensor = tensorOf(step, BORDER_TENSOR);
      spread(tensor, inputStage(tensor));
      break;
    }
    case OP_OUTPUT: {
      const tensor = tensorOf(step, BORDER_TENSOR);
      gather(tensor, outputStage(tensor));
      break;
    }
    case OP_CONV:
    case OP_DENSE:
      convolve(step);
      break;
    case OP_DEPTHWISE:
      if (ASC_FEATURE_SIMD) {
        depthwise_a8w8__simd(step);
      } else {
        depthwise_a8w8__scalar(step);
      }
      break;
    case OP_ADD:
    case OP_MUL:
    case OP_MINIMUM:
    case OP_MAXIMUM:
    case OP_PRELU:
    case OP_REQUANTIZE:
      pointwise_a8(step);
      break;
    case OP_AVERAGE_POOL:
    case OP_MAX_POOL:
      pool_a8(step);
      break;
    case OP_SOFTMAX:
      softmax_a8(step);
      break;
    case OP_PAD:
      pad_a8(step);
      break;
    case OP_RESHAPE:
      reshape_a8(step);
      break;
    case OP_CONSTANT:
      constant_a8(step);
      break;
    case OP_LOOKUP:
      lookup_a8(step);
      break;
    case OP_CONCAT:
      concat_a8(step);
      break;
    case OP_VIEW:
      view_a8(step);
      break;
    case OP_RESIZE:
      resize_a8(step);
      break;
    case OP_SPACE_TO_DEPTH:
    case OP_DEPTH_TO_SPACE:
      rearrange_a8(step);
      break;
    case OP_ARG_MAX:
    case OP_L2_NORMALIZE:
      channels_a8(step);
      break;
    case OP_PUSH:
      push_a8(step);
      break;
    case OP_LSTM:
      lstm_a8(step);
      break;
    case OP_MAT_MUL:
      mat_mul_a8(step);
      break;
    case OP_BANDS:
      runBands(step);
      break;
  }
}

/** Dense is a convolution with a 1x1 kernel; which twin runs was decided by the arrangement of the weights. */
function convolve(step: usize): void {
  if (word(step, STEP_ENGINE) == BITS) {
    conv_a1w1(step);
    return;
  }
  if (!ASC_FEATURE_SIMD) {
    conv_a8w8__scalar(step);
    return;
  }
  if (word(step, STEP_ENGINE) & PLANES) {
    dense_planes(step);
    return;
  }
  if (HAS_RELAXED_DOT) {
    if (word(step, STEP_ENGINE) & RELAXED) {
      conv_a8w8__relaxed(step);
      return;
    }
  }
  if (takesWinograd(step, word(step, STEP_SCRATCH_BYTES))) {
    conv_a8w8__simd_winograd(step);
  } else {
    conv_a8w8__simd(step);
  }
}
