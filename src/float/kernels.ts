// How each op becomes a call into calibrator.wasm. An op without an entry, or whose entry declines, runs as its
// definition in src/ops.
import { elements } from "../graph/graph.ts";
import type { FakeQuantizeAttributes } from "../ops/fake-quantize.ts";
import { type ReduceAttributes, wholeWindow } from "../ops/mean.ts";
import type { PadAttributes } from "../ops/pad.ts";
import { type PoolAttributes, poolWindow } from "../ops/pool.ts";
import { type Window, windowOutput } from "../ops/window.ts";
import { type Binder, type Binding, boundsOf, type Image, type Step } from "./binding.ts";
import type { PoolWindow } from "./calibrator.ts";
import { bindConv, bindDense, bindDepthwise } from "./convolutions.ts";

const BINDERS: ReadonlyMap<string, Binder> = new Map<string, Binder>([
  ["conv", bindConv],
  ["depthwise", bindDepthwise],
  ["dense", bindDense],
  ["add", bindAdd],
  ["requantize", bindClamp],
  ["fakeQuantize", bindFakeQuantize],
  ["averagePool", (binding) => bindPool(binding, "average_pool")],
  ["maxPool", (binding) => bindPool(binding, "max_pool")],
  ["mean", bindMean],
  ["softmax", bindSoftmax],
  ["pad", bindPad],
  ["slice", bindSlice],
  ["concat", bindConcat],
]);

/** The wasm step of a node, or undefined where its definition must run instead. */
export function bindKernel(binding: Binding): Step | undefined {
  return BINDERS.get(binding.node.op)?.(binding);
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

function bindFakeQuantize({ wasm, node, output, from, to }: Binding): Step {
  const { scale, lowest, highest } = node.attributes as FakeQuantizeAttributes;
  const count = elements(output.shape);
  return () => wasm.fake_quantize(from[0]!, to, count, 1 / scale, scale, lowest, highest);
}

function bindPool(binding: Binding, kernel: "average_pool" | "max_pool"): Step | undefined {
  const bounds = boundsOf(binding.node);
  const window = poolWindow(binding.node.attributes as PoolAttributes);
  return bounds && poolStep(binding, kernel, window, bounds);
}

function bindMean(binding: Binding): Step {
  return poolStep(binding, "average_pool", meanWindow(binding), [-Infinity, Infinity]);
}

/** The window of a mean over height, width or both. */
export function meanWindow({ node, inputs }: Binding): Window {
  return wholeWindow((node.attributes as ReduceAttributes).axes, inputs[0]!.shape);
}

function poolStep(
  { wasm, inputs, from, to }: Binding,
  kernel: "average_pool" | "max_pool",
  window: Window,
  bounds: readonly [low: number, high: number],
): Step {
  const operands = poolOperands(inputs[0]!.shape as Image, window);
  return () => wasm[kernel](from[0]!, to, ...operands, ...bounds);
}

/** What every pool kernel is told of its input and window. */
export function poolOperands(shape: Image, window: Window): PoolWindow {
  const [, height, width, channels] = shape;
  const sizes = [height, width, channels, ...windowOutput(window, height, width)] as const;
  return [...sizes, ...window.kernel, ...window.stride, window.padding[0], window.padding[1]];
}

function bindSoftmax({ wasm, node, output, from, to }: Binding): Step | undefined {
  const { beta } = node.attributes as { beta: number };
  const channels = output.shape.at(-1)!;
  const rows = elements(output.shape) / channels;
  if (!(beta >= 0)) return undefined;
  return () => wasm.softmax(from[0]!, to, rows, channels, beta);
}

function bindPad({ wasm, node, inputs, output, from, to }: Binding): Step | undefined {
  const { padding, channels, stride = [1, 1], value = 0 } = node.attributes as PadAttributes;
  const [, height, width, depth] = inputs[0]!.shape as Image;
  const [, , outWidth, outDepth] = output.shape as Image;
  if (value !== 0 || [...padding, ...channels].some((side) => side < 0)) return undefined;
  const [below, right] = [outWidth * outDepth * 4 * stride[0], outDepth * 4 * stride[1]];
  const row = outWidth * outDepth * 4;
  const inside = to + padding[0] * row + (padding[1] * outDepth + channels[0]) * 4;
  const bytes = elements(output.shape) * 4;
  return () => {
    wasm.clear(to, bytes);
    const plane = width * depth * 4;
    wasm.copy_blocks(from[0]!, inside, height, width, depth * 4, plane, depth * 4, below, right);
  };
}

interface Slice {
  /** By dimension: the first element, how many, and the distance from one to the next. */
  readonly begin: readonly number[];
  readonly size: readonly number[];
  readonly strides: readonly number[];
}

/** Boxes of images whose pixels stay whole. */
function bindSlice({ wasm, node, inputs, from, to }: Binding): Step | undefined {
  const { begin, size, strides } = node.attributes as Slice;
  const [, , width = 0, depth = 0] = inputs[0]!.shape;
  if (size.length !== 4 || strides[3] !== 1 || strides.some((stride) => stride < 0)) return undefined;
  const [, y, x, channel] = begin as [number, number, number, number];
  const [, height, columns, channels] = size as [number, number, number, number];
  const start = from[0]! + ((y * width + x) * depth + channel) * 4;
  const [below, right] = [strides[1]! * width * depth * 4, strides[2]! * depth * 4];
  const bytes = channels * 4;
  return () => wasm.copy_blocks(start, to, height, columns, bytes, below, right, columns * bytes, bytes);
}

function bindConcat({ wasm, node, inputs, output, from, to }: Binding): Step | undefined {
  if (inputs.some((input) => input?.data !== undefined)) return undefined;
  const { axis } = node.attributes as { axis: number };
  const rows = elements(output.shape.slice(0, axis));
  const row = (elements(output.shape) / rows) * 4;
  let offset = 0;
  const copies = inputs.map((input, i) => {
    const bytes = (elements(input!.shape) / rows) * 4;
    const target = to + offset;
    offset += bytes;
    return () => wasm.copy_blocks(from[i]!, target, 1, rows, bytes, 0, bytes, 0, row);
  });
  return () => {
    for (const copy of copies) copy();
  };
}
