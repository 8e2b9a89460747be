// How each op becomes a call into calibrator.wasm. An op without an entry, or whose entry declines, runs as its
// definition in src/ops.
import { elements } from "../graph/graph.ts";
import type { Halo } from "../ops/index.ts";
import { type PoolAttributes, poolWindow } from "../ops/pool.ts";
import { type Window, windowOutput } from "../ops/window.ts";
import { type Binder, type Binding, boundsOf, type Image, type Step } from "./binding.ts";
import { bindConv, bindDense, bindDepthwise } from "./convolutions.ts";

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

function bindAdd({ wasm, node, inputs, output, from, to }: Binding): Step | undefined {
  const bounds = boundsOf(node);
  const same = inputs.every((input) => input?.shape.join() === output.shape.join());
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
  const { padding, channels } = node.attributes as { padding: Halo; channels: readonly [number, number] };
  const [, height, width, depth] = inputs[0]!.shape as Image;
  const [, , outWidth, outDepth] = output.shape as Image;
  if ([...padding, ...channels].some((side) => side < 0)) return undefined;
  const row = outWidth * outDepth * 4;
  const inside = to + padding[0] * row + (padding[1] * outDepth + channels[0]) * 4;
  const count = elements(output.shape);
  return () => {
    wasm.fill(to, 0, count);
    const plane = width * depth * 4;
    wasm.copy_blocks(from[0]!, inside, height, width, depth * 4, plane, depth * 4, row, outDepth * 4);
  };
}
