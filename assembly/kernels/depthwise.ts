// Depthwise convolution: the scalar truth. Weights [C/8][taps/4][8][4], taps row by row.
import {
  CHANNEL_BLOCK,
  CONV_BIAS_AT,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_KERNEL_H,
  CONV_KERNEL_W,
  CONV_MAX,
  CONV_MIN,
  CONV_MULTIPLIER_AT,
  CONV_PAD_LEFT,
  CONV_PAD_TOP,
  CONV_SHIFT,
  CONV_STRIDE_H,
  CONV_STRIDE_W,
  CONV_WEIGHT_ZERO,
  CONV_WEIGHTS_AT,
  QUAD,
  STEP_IN,
  STEP_OUT,
  TENSOR_CHANNELS,
  TENSOR_HEIGHT,
  TENSOR_PIXEL_PITCH,
  TENSOR_ROW_PITCH,
  TENSOR_WIDTH,
  TENSOR_ZERO_POINT,
} from "../abi";
import { requantize } from "../numerics/requantize";
import { flip, isWide, pixels, storeCode, tensorOf, weightsPtr, word } from "../state";
import { fillHalo } from "./border";
import { packedRow } from "./conv";

export function depthwise_a8w8__scalar(step: usize): void {
  const input = tensorOf(step, STEP_IN);
  const output = tensorOf(step, STEP_OUT);
  const rowStride = word(step, CONV_STRIDE_H) * word(input, TENSOR_ROW_PITCH);
  const pixelStride = word(step, CONV_STRIDE_W) * word(input, TENSOR_PIXEL_PITCH);
  const corner =
    pixels(input) -
    word(step, CONV_PAD_TOP) * word(input, TENSOR_ROW_PITCH) -
    word(step, CONV_PAD_LEFT) * word(input, TENSOR_PIXEL_PITCH);
  for (let y = 0; y < word(output, TENSOR_HEIGHT); y++) {
    for (let x = 0; x < word(output, TENSOR_WIDTH); x++) {
      const out = pixels(output) + y * word(output, TENSOR_ROW_PITCH) + x * word(output, TENSOR_PIXEL_PITCH);
      window(step, input, output, corner + y * rowStride + x * pixelStride, out);
    }
  }
  fillHalo(output);
}

function window(step: usize, input: usize, output: usize, corner: usize, out: usize): void {
  const channels = word(output, TENSOR_CHANNELS);
  const block: usize = <usize>packedRow(step) * CHANNEL_BLOCK;
  const f = flip;
  const zero = word(step, CONV_WEIGHT_ZERO);
  const wide = isWide(output);
  for (let c = 0; c < channels; c++) {
    const weights = weightsPtr + word(step, CONV_WEIGHTS_AT) + <usize>(c >> 3) * block + (c & 7) * QUAD;
    let acc = load<i32>(weightsPtr + word(step, CONV_BIAS_AT) + (c << 2));
    let tap = 0;
    for (let ky = 0; ky < word(step, CONV_KERNEL_H); ky++) {
      let a = corner + ky * word(step, CONV_DILATION_H) * word(input, TENSOR_ROW_PITCH) + c;
      for (let kx = 0; kx < word(step, CONV_KERNEL_W); kx++) {
        const weight = load<i8>(weights + (tap >> 2) * (CHANNEL_BLOCK * QUAD) + (tap & 3)) - zero;
        acc += (load<i8>(a) ^ f) * weight;
        a += word(step, CONV_DILATION_W) * word(input, TENSOR_PIXEL_PITCH);
        tap++;
      }
    }
    const b = load<i32>(weightsPtr + word(step, CONV_MULTIPLIER_AT) + (c << 2));
    const z = word(output, TENSOR_ZERO_POINT);
    const code = requantize(acc, b, word(step, CONV_SHIFT), z, word(step, CONV_MIN), word(step, CONV_MAX));
    storeCode(out, c, code, wide);
  }
}
