import { DyadicError } from "../error.ts";
import type { Halo, RowWindow } from "./op.ts";

/** A sliding window over height and width: convolutions and pools. Padding is explicit: top, left, bottom, right. */
export interface Window {
  readonly kernel: readonly [height: number, width: number];
  readonly stride: readonly [height: number, width: number];
  readonly dilation: readonly [height: number, width: number];
  readonly padding: Halo;
}

/** Output height and width of a window over an input; throws BAD_FILE when not one window fits. */
export function windowOutput(window: Window, height: number, width: number): [height: number, width: number] {
  const { kernel, stride, dilation, padding } = window;
  const along = (size: number, before: number, after: number, axis: 0 | 1) =>
    Math.floor((size + before + after - (dilation[axis] * (kernel[axis] - 1) + 1)) / stride[axis]) + 1;
  const output: [number, number] = [
    along(height, padding[0], padding[2], 0),
    along(width, padding[1], padding[3], 1),
  ];
  if (output[0] < 1 || output[1] < 1) {
    throw new DyadicError("BAD_FILE", "the kernel is larger than the padded input", {
      expected: `at least ${kernel.join("x")} (dilation ${dilation.join("x")})`,
      found: `${height}x${width} with padding ${padding.join(",")}`,
    });
  }
  return output;
}

/** Pixels outside the input that the windows of all outputs touch: what remains of the padding after striding. */
export function windowHalo(window: Window, input: readonly number[], output: readonly number[]): Halo {
  const reach = (axis: 0 | 1, before: number) =>
    (output[axis]! - 1) * window.stride[axis] + window.dilation[axis] * (window.kernel[axis] - 1) - before;
  return [
    window.padding[0],
    window.padding[1],
    Math.max(0, reach(0, window.padding[0]) - (input[0]! - 1)),
    Math.max(0, reach(1, window.padding[1]) - (input[1]! - 1)),
  ];
}

/** Input rows under an output row, padding included. */
export function windowRows({ kernel, stride, dilation, padding }: Window): RowWindow {
  return { stride: stride[0], count: (kernel[0] - 1) * dilation[0] + 1, above: padding[0] };
}

/** The same of windows that leave their padding out: where there is none above or below. */
export function unpaddedRows(window: Window): RowWindow | undefined {
  return window.padding[0] === 0 && window.padding[2] === 0 ? windowRows(window) : undefined;
}

/** Calls `visit` for every tap of every window that lies inside the input: pixel indices and the tap's index. */
export function visitWindows(
  window: Window,
  output: readonly [height: number, width: number],
  input: readonly [height: number, width: number],
  visit: (outputPixel: number, inputPixel: number, tap: number) => void,
): void {
  const { kernel, stride, dilation, padding } = window;
  for (let pixel = 0; pixel < output[0] * output[1]; pixel++) {
    const top = Math.floor(pixel / output[1]) * stride[0] - padding[0];
    const left = (pixel % output[1]) * stride[1] - padding[1];
    for (let tap = 0; tap < kernel[0] * kernel[1]; tap++) {
      const y = top + Math.floor(tap / kernel[1]) * dilation[0];
      const x = left + (tap % kernel[1]) * dilation[1];
      if (y >= 0 && y < input[0] && x >= 0 && x < input[1]) visit(pixel, y * input[1] + x, tap);
    }
  }
}
