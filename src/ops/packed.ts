// Scratch of steps with packed pixels, the twin of assembly/parts.ts: operands' rows as bytes, the output's row.
import { bitsOf, type IntegerTensor } from "../graph/integer.ts";
import type { OpShapes } from "./op.ts";
import type { Window } from "./window.ts";

const ROW_ALIGNMENT = 16;
const POOL_CHANNELS = 16;

function align(bytes: number): number {
  return Math.ceil(bytes / ROW_ALIGNMENT) * ROW_ALIGNMENT;
}

/** Bytes of a row, widened; none for a tensor that already has bytes. */
function rowBytes(tensor: IntegerTensor): number {
  return bitsOf(tensor) >= 8 ? 0 : align(tensor.shape[1] * tensor.shape[2]);
}

/** Scratch of an element-wise step: a row of every operand and of the output. */
export function elementScratch({ inputs, output }: OpShapes): number {
  return [...inputs, output].reduce((sum, tensor) => sum + rowBytes(tensor), 0);
}

/**
 * Scratch of a convolution in front of its weights': what the windows of an output row touch, padding included; bits
 * that are multiplied as such are not widened.
 */
export function windowScratch(window: Window, { inputs, output }: OpShapes, asBits: boolean): number {
  const { kernel, stride, dilation } = window;
  if (asBits) return rowBytes(output);
  const columns = (output.shape[1] - 1) * stride[1] + (kernel[1] - 1) * dilation[1] + 1;
  const rows = bitsOf(inputs[0]!) >= 8 ? 0 : kernel[0] * align(columns * inputs[0]!.shape[2]);
  return rows + rowBytes(output);
}

/** Scratch of a pool: the rows under an output row, 16 channels at a time. */
export function poolScratch({ kernel }: Window, { inputs, output }: OpShapes): number {
  const [height, width] = inputs[0]!.shape;
  const rows = bitsOf(inputs[0]!) >= 8 ? 0 : Math.min(kernel[0], height) * align(width * POOL_CHANNELS);
  return rows + rowBytes(output);
}
