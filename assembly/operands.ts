// Which words of a step record name the tensors that it reads.
import {
  CONCAT_INPUT_BYTES,
  CONCAT_STEP_BYTES,
  OP_ADD,
  OP_CONCAT,
  OP_CONSTANT,
  OP_LSTM,
  OP_MAT_MUL,
  OP_MAXIMUM,
  OP_MINIMUM,
  OP_MUL,
  OP_PRELU,
  STEP_BYTES,
  STEP_IN,
  STEP_MORE_INPUTS,
  STEP_OPCODE,
} from "./abi";
import { word } from "./state";

/** Whether the op combines two tensors code by code. */
export function isBinary(opcode: i32): bool {
  return (
    opcode == OP_ADD || opcode == OP_MUL || opcode == OP_MINIMUM || opcode == OP_MAXIMUM || opcode == OP_PRELU
  );
}

/** Number of tensors that a node's step reads. Not for border steps. */
export function inputCount(step: usize): i32 {
  const opcode = word(step, STEP_OPCODE);
  if (opcode == OP_CONSTANT) return 0;
  if (opcode == OP_CONCAT) return (word(step, STEP_BYTES) - CONCAT_STEP_BYTES) / CONCAT_INPUT_BYTES;
  if (opcode == OP_LSTM) return 3;
  return isBinary(opcode) || opcode == OP_MAT_MUL ? 2 : 1;
}

/** Offset in the record of the word that names input `index`. */
export function inputAt(index: i32): i32 {
  return index == 0 ? STEP_IN : STEP_MORE_INPUTS + 4 * (index - 1);
}
