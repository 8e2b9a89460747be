// How each op becomes a call into calibrator.wasm. An op without an entry, or whose entry declines, runs as its
// definition in src/ops.
import type { Node, Tensor } from "../graph/graph.ts";
import { elements } from "../graph/graph.ts";
import { type Activation, activationBounds } from "../ops/activation.ts";
import type { ConvAttributes } from "../ops/conv.ts";
import type { Halo } from "../ops/index.ts";
import type { PadAttributes } from "../ops/pad.ts";
import { type PoolAttributes, poolWindow } from "../ops/pool.ts";
import { type Window, windowHalo, windowOutput } from "../ops/window.ts";
import type { CalibratorExports } from "./calibrator.ts";
import { packDepthwise, packRows, padBias } from "./packing.ts";

/** One step of the network; `scratch` is the address of the bytes that it asked for. */
export type Step = (scratch: number) => void;

/** What an entry sees of its node, and what it may ask for. */
export interface Binding {
  readonly wasm: CalibratorExports;
  readonly node: Node;
  readonly inputs: readonly (Tensor | undefined)[];
  readonly output: Tensor;
  /** Addresses of the inputs that are activations, and of the output. */
  readonly from: readonly number[];
  readonly to: number;
  /** The real values of a constant input; undefined where it is absent. */
  reals(input: number): Float32Array | undefined;
  /** Copies values into the module for good and returns their address. */
  constant(values: Float32Array): number;
  /** Asks for scratch bytes. */
  scratch(bytes: number): void;
}

type Binder = (binding: Binding) => Step | undefined;

const BINDERS: ReadonlyMap<string, Binder> = new Map<string, Binder>([
  ["conv", bindConv],
  ["depthwise", bindDepthwise],
  ["dense", bindDense],
  ["add", bindAdd],
  ["requantize", bindClamp],
  ["averagePool", (binding) => bindPool(binding, "average_pool")],
  ["maxPool", (binding) => bindPool(binding, "max_pool")],
  ["mean", bindMean],
  ["softmax", bindSoftmax],
  ["pad", bindPad],
]);

/** The wasm step of a node, or undefined where its definition must run instead. */
export function bindKernel(binding: Binding): Step | undefined {
  return BINDERS.get(binding.node.op)?.(binding);
}

type Image = readonly [batch: number, height: number, width: number, channels: number];

function boundsOf(node: Node): readonly [low: number, high: number] | undefined {
  return activationBounds((node.attributes as { activation: Activation }).activation);
}

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
    wasm.fill(at, 0, bytes / 4);
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

function windowOf(binding: Binding): Window {
  const [, height, width] = binding.inputs[1]!.shape as Image;
  return { ...(binding.node.attributes as ConvAttributes), kernel: [height, width] };
}

function bindConv(binding: Binding): Step | undefined {
  const { wasm, to } = binding;
  const bounds = boundsOf(binding.node);
  const shape = binding.inputs[0]!.shape as Image;
  const [, height, width, channels] = binding.output.shape as Image;
  const weights = binding.reals(1);
  if (bounds === undefined || weights === undefined || binding.inputs[1]!.shape[3] !== shape[3])
    return undefined;
  const { kernel, stride, dilation, ...rest } = windowOf(binding);
  const halo = windowHalo({ kernel, stride, dilation, ...rest }, shape.slice(1, 3), [height, width]);
  const input = padInput(binding, shape, halo, shape[3]);
  const packed = binding.constant(packRows(weights, channels));
  const bias = binding.constant(padBias(binding.reals(2), channels));
  const whole = dilation[1] === 1;
  const run = (whole ? kernel[1] : 1) * input.pixelBytes;
  const rowBytes = dilation[0] * input.rowBytes;
  const columnBytes = dilation[1] * input.pixelBytes;
  const [right, below] = [stride[1] * input.pixelBytes, stride[0] * input.rowBytes];
  const segments = whole ? 1 : kernel[1];
  return (scratch) =>
    wasm.conv(
      input.ready(scratch),
      packed,
      bias,
      to,
      height,
      width,
      channels,
      kernel[0],
      segments,
      run,
      rowBytes,
      columnBytes,
      right,
      below,
      ...bounds,
    );
}

function bindDepthwise(binding: Binding): Step | undefined {
  const { wasm, to } = binding;
  const bounds = boundsOf(binding.node);
  const shape = binding.inputs[0]!.shape as Image;
  const [, height, width, channels] = binding.output.shape as Image;
  const weights = binding.reals(1);
  if (bounds === undefined || weights === undefined || channels !== shape[3]) return undefined;
  const { kernel, stride, dilation, ...rest } = windowOf(binding);
  const halo = windowHalo({ kernel, stride, dilation, ...rest }, shape.slice(1, 3), [height, width]);
  const input = padInput(binding, shape, halo, Math.ceil(channels / 8) * 8);
  const packed = binding.constant(packDepthwise(weights, channels));
  const bias = binding.constant(padBias(binding.reals(2), channels));
  const rowBytes = dilation[0] * input.rowBytes;
  const columnBytes = dilation[1] * input.pixelBytes;
  const [right, below] = [stride[1] * input.pixelBytes, stride[0] * input.rowBytes];
  return (scratch) =>
    wasm.depthwise(
      input.ready(scratch),
      packed,
      bias,
      to,
      height,
      width,
      channels,
      kernel[0],
      kernel[1],
      rowBytes,
      columnBytes,
      right,
      below,
      ...bounds,
    );
}

function bindDense(binding: Binding): Step | undefined {
  const { wasm, to, from } = binding;
  const bounds = boundsOf(binding.node);
  const weights = binding.reals(1);
  if (bounds === undefined || weights === undefined || binding.output.shape.length !== 2) return undefined;
  const [rows, channels] = binding.output.shape as [number, number];
  const depth = (weights.length / channels) * 4;
  const packed = binding.constant(packRows(weights, channels));
  const bias = binding.constant(padBias(binding.reals(2), channels));
  const input = from[0]!;
  return () => wasm.conv(input, packed, bias, to, 1, rows, channels, 1, 1, depth, 0, 0, depth, 0, ...bounds);
}

function bindAdd({ wasm, node, inputs, output, from, to }: Binding): Step | undefined {
  const bounds = boundsOf(node);
  const same = inputs.every((input) => !input?.data && input?.shape.join() === output.shape.join());
  if (bounds === undefined || !same || inputs.length !== 2) return undefined;
  const count = elements(output.shape);
  return () => wasm.add(from[0]!, from[1]!, to, count, ...bounds);
}

function bindClamp({ wasm, node, output, from, to }: Binding): Step | undefined {
  const bounds = boundsOf(node);
  const count = elements(output.shape);
  return bounds && (() => wasm.clamp(from[0]!, to, count, ...bounds));
}

function bindPool(binding: Binding, kernel: "average_pool" | "max_pool"): Step | undefined {
  const bounds = boundsOf(binding.node);
  const window = poolWindow(binding.node.attributes as PoolAttributes);
  return bounds && poolStep(binding, kernel, window, bounds);
}

function bindMean(binding: Binding): Step | undefined {
  const { axes } = binding.node.attributes as { axes: readonly number[] };
  const [, height, width] = binding.inputs[0]!.shape as Image;
  const kernel = [axes.includes(1) ? height : 1, axes.includes(2) ? width : 1] as const;
  const window = { kernel, stride: kernel, dilation: [1, 1], padding: [0, 0, 0, 0] } as const;
  return poolStep(binding, "average_pool", window, [-Infinity, Infinity]);
}

function poolStep(
  { wasm, inputs, from, to }: Binding,
  kernel: "average_pool" | "max_pool",
  window: Window,
  bounds: readonly [low: number, high: number],
): Step {
  const [, height, width, channels] = inputs[0]!.shape as Image;
  const [outHeight, outWidth] = windowOutput(window, height, width);
  return () =>
    wasm[kernel](
      from[0]!,
      to,
      height,
      width,
      channels,
      outHeight,
      outWidth,
      ...window.kernel,
      ...window.stride,
      window.padding[0],
      window.padding[1],
      ...bounds,
    );
}

function bindSoftmax({ wasm, node, output, from, to }: Binding): Step | undefined {
  const { beta } = node.attributes as { beta: number };
  const channels = output.shape.at(-1)!;
  const rows = elements(output.shape) / channels;
  if (!(beta >= 0)) return undefined;
  return () => wasm.softmax(from[0]!, to, rows, channels, beta);
}

function bindPad({ wasm, node, inputs, output, from, to }: Binding): Step | undefined {
  const { padding, channels, stride = [1, 1] } = node.attributes as PadAttributes;
  const [, height, width, depth] = inputs[0]!.shape as Image;
  const [, , outWidth, outDepth] = output.shape as Image;
  if ([...padding, ...channels].some((side) => side < 0) || stride.some((step) => step !== 1))
    return undefined;
  const row = outWidth * outDepth * 4;
  const inside = to + padding[0] * row + (padding[1] * outDepth + channels[0]) * 4;
  const count = elements(output.shape);
  return () => {
    wasm.fill(to, 0, count);
    const plane = width * depth * 4;
    wasm.copy_blocks(from[0]!, inside, height, width, depth * 4, plane, depth * 4, row, outDepth * 4);
  };
}
