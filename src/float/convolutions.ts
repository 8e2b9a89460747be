// Convolutions and dense as calls of the two tiled kernels.
import type { ConvAttributes } from "../ops/conv.ts";
import type { Halo } from "../ops/index.ts";
import { type Window, windowHalo } from "../ops/window.ts";
import { type Binding, boundsOf, type Image, type Step } from "./binding.ts";
import { packDepthwise, packRows, padBias } from "./packing.ts";

const BLOCK = 8;

/** An input as windows see it: the tensor itself, or a copy in scratch with the padding around it. */
interface Padded {
  /** Fills the copy, where there is one; returns the address of the first window. */
  ready(scratch: number): number;
  readonly rowBytes: number;
  readonly pixelBytes: number;
}

function padInput({ wasm, from, scratch }: Binding, shape: Image, halo: Halo, channels: number): Padded {
  const [, height, width, depth] = shape;
  const [top, left, bottom, right] = halo;
  const pixelBytes = channels * 4;
  const rowBytes = (left + width + right) * pixelBytes;
  const address = from[0]!;
  if (rowBytes === width * depth * 4 && top + bottom === 0) {
    return { ready: () => address, rowBytes, pixelBytes };
  }
  const bytes = (top + height + bottom) * rowBytes;
  scratch(bytes);
  const whole = channels === depth;
  const [planes, rows, run] = whole ? [1, height, width * depth * 4] : [height, width, depth * 4];
  const inside = top * rowBytes + left * pixelBytes;
  const ready = (at: number) => {
    wasm.clear(at, bytes);
    const plane = width * depth * 4;
    wasm.copy_blocks(
      address,
      at + inside,
      planes,
      rows,
      run,
      plane,
      run,
      rowBytes,
      whole ? rowBytes : pixelBytes,
    );
    return at;
  };
  return { ready, rowBytes, pixelBytes };
}

/** How the windows of a node lie in its padded input; lengths in bytes. */
interface Windows extends Padded {
  readonly kernel: Window["kernel"];
  /** From a tap to the one below and to the right of it. */
  readonly tap: readonly [below: number, right: number];
  /** From a window to the one right of and below it. */
  readonly step: readonly [right: number, below: number];
}

/** `channels` is the pitch of a pixel in the padded input. */
export function windowsOf(binding: Binding, channels: number): Windows {
  const [, kernelHeight, kernelWidth] = binding.inputs[1]!.shape as Image;
  const attributes = binding.node.attributes as ConvAttributes;
  const window = { ...attributes, kernel: [kernelHeight, kernelWidth] } as const;
  const shape = binding.inputs[0]!.shape as Image;
  const halo = windowHalo(window, shape.slice(1, 3), binding.output.shape.slice(1, 3));
  const input = padInput(binding, shape, halo, channels);
  const { rowBytes, pixelBytes } = input;
  const { stride, dilation } = attributes;
  return {
    ...input,
    kernel: window.kernel,
    tap: [dilation[0] * rowBytes, dilation[1] * pixelBytes],
    step: [stride[1] * pixelBytes, stride[0] * rowBytes],
  };
}

/** One call a group: its input channels are a part of every pixel, so that runs are of a single one. */
export function bindConv(binding: Binding): Step | undefined {
  const { wasm, to, node } = binding;
  const { groups = 1, dilation } = node.attributes as ConvAttributes;
  const bounds = boundsOf(node);
  const weights = binding.reals(1);
  if (bounds === undefined || weights === undefined) return undefined;
  const [, height, width, channels] = binding.output.shape as Image;
  const depth = binding.inputs[1]!.shape[3]!;
  const windows = windowsOf(binding, depth * groups);
  const [own, taps] = [channels / groups, weights.length / groups];
  const bias = binding.reals(2);
  const constants = Array.from({ length: groups }, (_, g) => [
    binding.constant(packRows(weights.subarray(g * taps, (g + 1) * taps), own)),
    binding.constant(padBias(bias?.subarray(g * own, (g + 1) * own), own)),
  ]);
  const whole = dilation[1] === 1 && groups === 1;
  const [rows, columns] = windows.kernel;
  const [segments, run] = whole ? [1, columns * depth * 4] : [columns, depth * 4];
  const [below, right] = windows.tap;
  return (scratch) => {
    const input = windows.ready(scratch);
    constants.forEach(([packed, biases], g) => {
      wasm.conv(
        input + g * depth * 4,
        packed!,
        biases!,
        to + g * own * 4,
        height,
        width,
        own,
        channels * 4,
        rows,
        segments,
        run,
        below,
        right,
        ...windows.step,
        ...bounds,
      );
    });
  };
}

export function bindDepthwise(binding: Binding): Step | undefined {
  const { wasm, to } = binding;
  const bounds = boundsOf(binding.node);
  const weights = binding.reals(1);
  if (bounds === undefined || weights === undefined) return undefined;
  const [, height, width, channels] = binding.output.shape as Image;
  const windows = windowsOf(binding, Math.ceil(channels / BLOCK) * BLOCK);
  const packed = binding.constant(packDepthwise(weights, channels));
  const bias = binding.constant(padBias(binding.reals(2), channels));
  const { kernel, tap, step, ready } = windows;
  return (scratch) =>
    wasm.depthwise(
      ready(scratch),
      packed,
      bias,
      to,
      height,
      width,
      channels,
      ...kernel,
      ...tap,
      ...step,
      ...bounds,
    );
}

export function bindDense(binding: Binding): Step | undefined {
  const { wasm, to, from } = binding;
  const bounds = boundsOf(binding.node);
  const weights = binding.reals(1);
  if (bounds === undefined || weights === undefined) return undefined;
  const [rows, channels] = binding.output.shape as [number, number];
  const run = (weights.length / channels) * 4;
  const packed = binding.constant(packRows(weights, channels));
  const bias = binding.constant(padBias(binding.reals(2), channels));
  const [pixel, input] = [channels * 4, from[0]!];
  return () =>
    wasm.conv(input, packed, bias, to, 1, rows, channels, pixel, 1, 1, run, 0, 0, run, 0, ...bounds);
}
