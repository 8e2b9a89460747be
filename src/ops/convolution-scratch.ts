// Scratch of convolutions, the twin of assembly/parts-scratch.ts: what they need, and with what builds are faster.
import { CHANNEL_BLOCK } from "../../assembly/abi.ts";
import { bitsOf } from "../graph/integer.ts";
import { type ConvolutionParameters, packedChannels } from "./convolution.ts";
import type { OpShapes } from "./op.ts";
import { windowScratch } from "./packed.ts";

/** Whether kernels multiply bits by bits: both sides of 1 bit, channels that fill bytes. Not for depthwise. */
function isBinaryProduct({ weightBits, groups }: ConvolutionParameters, { inputs }: OpShapes): boolean {
  const [input] = inputs;
  return weightBits === 1 && bitsOf(input!) === 1 && groups === 1 && input!.shape[2] % 8 === 0;
}

/** Scratch of a block's codes as bytes, for planes; `row` is a channel's padded row. */
export function unpackedBytes({ weightBits }: ConvolutionParameters, row: number): number {
  return weightBits < 7 ? CHANNEL_BLOCK * row : 0;
}

/** Scratch of conv and dense: widened rows, a block of planes as bytes, four windows of 16 bits. */
export function convolutionScratch(parameters: ConvolutionParameters, shapes: OpShapes, row: number): number {
  const asBits = isBinaryProduct(parameters, shapes);
  const block = asBits ? 0 : unpackedBytes(parameters, row);
  return windowScratch(parameters, shapes, asBits) + block + 4 * 2 * row;
}

/** Blocks of weights that a step unpacks at once where it has the scratch: a whole strip of a tile's sums, or less. */
const PANELS = [8, 3];

/** Sizes of scratch with which a step unpacks several blocks of weights at a time; `needed` has room for one. */
export function panelScratch(
  parameters: ConvolutionParameters,
  row: number,
  needed: number,
): readonly number[] {
  const block = unpackedBytes(parameters, row);
  if (block === 0) return [];
  const blocks = packedChannels(parameters) / CHANNEL_BLOCK / parameters.groups;
  const sizes = PANELS.map((count) => needed + (Math.min(count, blocks) - 1) * block);
  return [...new Set(sizes)];
}

/** As panelScratch, of conv and dense. */
export function spareConvolutionScratch(
  parameters: ConvolutionParameters,
  shapes: OpShapes,
  row: number,
): readonly number[] {
  if (isBinaryProduct(parameters, shapes)) return [];
  return panelScratch(parameters, row, convolutionScratch(parameters, shapes, row));
}
