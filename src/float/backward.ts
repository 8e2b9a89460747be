// How each op's gradient becomes calls into calibrator.wasm. An op without an entry, or whose entry declines, runs as
// the gradient of its definition in src/ops. Every step adds to the gradients of its inputs.
import { elements } from "../graph/graph.ts";
import type { ConvAttributes } from "../ops/conv.ts";
import { type FakeQuantizeAttributes, passingRange } from "../ops/fake-quantize.ts";
import { type PoolAttributes, poolWindow } from "../ops/pool.ts";
import type { Window } from "../ops/window.ts";
import type { Binding, Image, Step } from "./binding.ts";
import { windowsOf } from "./convolutions.ts";
import { meanWindow, poolOperands } from "./kernels.ts";
import { packDepthwise, packRows, padBias } from "./packing.ts";

const BLOCK = 8;
const UNBOUNDED = [-Infinity, Infinity] as const;

/** What an entry sees besides the node: addresses of gradients. */
export interface BackwardBinding extends Binding {
  /** Of the output's, in front of the fused activation. */
  readonly gradient: number;
  /** By input; -1 where nobody wants it. */
  readonly into: readonly number[];
}

type BackwardBinder = (binding: BackwardBinding) => Step | undefined;

const BINDERS: ReadonlyMap<string, BackwardBinder> = new Map<string, BackwardBinder>([
  ["conv", bindConv],
  ["depthwise", bindDepthwise],
  ["dense", bindDense],
  ["add", bindAdd],
  ["requantize", bindIdentity],
  ["fakeQuantize", bindFakeQuantize],
  ["averagePool", (binding) => bindAverage(binding, poolWindow(binding.node.attributes as PoolAttributes))],
  ["mean", (binding) => bindAverage(binding, meanWindow(binding))],
  ["maxPool", bindMaxPool],
]);

/** The wasm step of a node's gradient, or undefined where the definition must run instead. */
export function bindBackward(binding: BackwardBinding): Step | undefined {
  return BINDERS.get(binding.node.op)?.(binding);
}

function bindAdd({ wasm, inputs, output, gradient, into }: BackwardBinding): Step | undefined {
  if (inputs.some((input) => input?.shape.join() !== output.shape.join())) return undefined;
  const count = elements(output.shape);
  return () => {
    for (const target of into) if (target >= 0) wasm.add(target, gradient, target, count, ...UNBOUNDED);
  };
}

function bindIdentity({ wasm, output, gradient, into }: BackwardBinding): Step {
  const count = elements(output.shape);
  return () => wasm.add(into[0]!, gradient, into[0]!, count, ...UNBOUNDED);
}

function bindFakeQuantize(binding: BackwardBinding): Step {
  const { wasm, node, output, from, gradient, into } = binding;
  const bounds = passingRange(node.attributes as FakeQuantizeAttributes);
  const count = elements(output.shape);
  binding.scratch(count * 4);
  return (scratch) => {
    wasm.mask(gradient, from[0]!, scratch, count, ...bounds);
    wasm.add(into[0]!, scratch, into[0]!, count, ...UNBOUNDED);
  };
}

function bindAverage({ wasm, inputs, gradient, into }: BackwardBinding, window: Window): Step {
  const operands = poolOperands(inputs[0]!.shape as Image, window);
  return () => wasm.average_pool_gradient(gradient, into[0]!, ...operands);
}

function bindMaxPool({ wasm, node, inputs, from, gradient, into }: BackwardBinding): Step {
  const operands = poolOperands(inputs[0]!.shape as Image, poolWindow(node.attributes as PoolAttributes));
  return () => wasm.max_pool_gradient(gradient, from[0]!, into[0]!, ...operands);
}

/** The output's gradient as windows with the stride of 1 see it: spread by the forward stride, zeros around it. */
interface Spread {
  ready(scratch: number): number;
  readonly bytes: number;
  readonly rowBytes: number;
  readonly pixelBytes: number;
}

/**
 * Input pixel y gets, by tap t, weights[t] * gradient[(y + padding - t * dilation) / stride] where that is whole: with
 * taps turned around, a convolution of the spread gradient whose window of y = 0 starts at the buffer's first byte.
 */
function spreadGradient(binding: BackwardBinding, kernel: Window["kernel"], channels: number): Spread {
  const { wasm, gradient } = binding;
  const { stride, dilation, padding } = binding.node.attributes as ConvAttributes;
  const [, height, width] = binding.inputs[0]!.shape as Image;
  const [, rows, columns, depth] = binding.output.shape as Image;
  // First gradient row in the buffer; negative where the padding is wider than the kernel, which leaves rows unread.
  const before = [0, 1].map((axis) => (kernel[axis]! - 1) * dilation[axis]! - padding[axis]!);
  const extent = [height, width].map((size, axis) => size + (kernel[axis]! - 1) * dilation[axis]!);
  const [pixelBytes, run] = [channels * 4, depth * 4];
  const rowBytes = extent[1]! * pixelBytes;
  const dense = [...kernel, ...stride].every((size) => size === 1) && padding.every((size) => size === 0);
  if (dense && channels === depth) return { ready: () => gradient, bytes: 0, rowBytes, pixelBytes };
  const bytes = extent[0]! * rowBytes;
  const [first, last] = [0, 1].map((axis) => inside(before[axis]!, stride[axis]!, extent[axis]!)) as Range2;
  const [below, right] = [stride[0] * rowBytes, stride[1] * pixelBytes];
  const count = [Math.min(rows, first.end) - first.begin, Math.min(columns, last.end) - last.begin] as const;
  const source = gradient + (first.begin * columns + last.begin) * run;
  const offset = (before[0]! + first.begin * stride[0]) * rowBytes;
  const inset = (before[1]! + last.begin * stride[1]) * pixelBytes;
  const ready = (scratch: number) => {
    wasm.clear(scratch, bytes);
    const target = scratch + offset + inset;
    wasm.copy_blocks(source, target, ...count, run, columns * run, run, below, right);
    return scratch;
  };
  return { ready, bytes, rowBytes, pixelBytes };
}

type Range2 = [{ begin: number; end: number }, { begin: number; end: number }];

/** Which gradient rows fall into the buffer. */
function inside(before: number, stride: number, extent: number): { begin: number; end: number } {
  return {
    begin: Math.max(0, Math.ceil(-before / stride)),
    end: Math.floor((extent - 1 - before) / stride) + 1,
  };
}

/** Scratch in two parts: the padded copy that a kernel reads, and the result that is added to a gradient. */
function addResult(
  binding: BackwardBinding,
  spread: Spread,
  compute: (input: number, to: number) => void,
): Step {
  const { wasm, inputs, into } = binding;
  const count = elements(inputs[0]!.shape);
  const behind = Math.ceil((spread.bytes + 64) / 16) * 16;
  binding.scratch(behind + count * 4 + 64);
  return (scratch) => {
    compute(spread.ready(scratch), scratch + behind);
    wasm.add(into[0]!, scratch + behind, into[0]!, count, ...UNBOUNDED);
  };
}

function biasStep({ wasm, output, gradient, into }: BackwardBinding): Step {
  const channels = output.shape.at(-1)!;
  const target = into[2] ?? -1;
  return () => {
    if (target >= 0) wasm.channel_sums(gradient, target, elements(output.shape) / channels, channels);
  };
}

function inOrder(...steps: readonly (Step | undefined)[]): Step {
  const present = steps.filter((step) => step !== undefined);
  return (scratch) => {
    for (const step of present) step(scratch);
  };
}

/** Weights [output][taps][input] as [input][taps, the last first][output]. */
function turned(weights: Float32Array, outputs: number, taps: number, inputs: number): Float32Array {
  const result = new Float32Array(weights.length);
  let at = 0;
  for (let o = 0; o < outputs; o++) {
    for (let tap = taps - 1; tap >= 0; tap--) {
      for (let c = 0; c < inputs; c++) result[(c * taps + tap) * outputs + o] = weights[at++]!;
    }
  }
  return result;
}

function bindConv(binding: BackwardBinding): Step | undefined {
  const weights = binding.reals(1);
  if (weights === undefined) return undefined;
  return inOrder(biasStep(binding), convWeightsStep(binding), convInputStep(binding, weights));
}

function convInputStep(binding: BackwardBinding, weights: Float32Array): Step | undefined {
  const { wasm, inputs, output, into } = binding;
  if (into[0]! < 0) return undefined;
  const { groups = 1, dilation } = binding.node.attributes as ConvAttributes;
  const [outputs, rows, columns, depth] = inputs[1]!.shape as [number, number, number, number];
  const [, height, width, channels] = inputs[0]!.shape as Image;
  const spread = spreadGradient(binding, [rows, columns], output.shape[3]!);
  const [own, taps] = [outputs / groups, weights.length / groups];
  const zeros = binding.constant(padBias(undefined, depth));
  const packed = Array.from({ length: groups }, (_, g) => {
    const part = weights.subarray(g * taps, (g + 1) * taps);
    return binding.constant(packRows(turned(part, own, rows * columns, depth), depth));
  });
  const whole = dilation[1] === 1 && groups === 1;
  const [segments, run] = whole ? [1, columns * own * 4] : [columns, own * 4];
  const { rowBytes, pixelBytes } = spread;
  const window = [
    rows,
    segments,
    run,
    dilation[0] * rowBytes,
    dilation[1] * pixelBytes,
    pixelBytes,
    rowBytes,
  ] as const;
  return addResult(binding, spread, (input, to) => {
    packed.forEach((block, g) => {
      const [source, target] = [input + g * own * 4, to + g * depth * 4];
      wasm.conv(source, block, zeros, target, height, width, depth, channels * 4, ...window, ...UNBOUNDED);
    });
  });
}

function convWeightsStep(binding: BackwardBinding): Step | undefined {
  const { wasm, inputs, output, gradient, into } = binding;
  if (into[1]! < 0) return undefined;
  const { groups = 1, dilation } = binding.node.attributes as ConvAttributes;
  const [outputs, , , depth] = inputs[1]!.shape as [number, number, number, number];
  const [, height, width, channels] = output.shape as Image;
  const windows = windowsOf(binding, depth * groups);
  const [own, taps] = [outputs / groups, elements(inputs[1]!.shape) / groups];
  const [rows, columns] = windows.kernel;
  const whole = dilation[1] === 1 && groups === 1;
  const [segments, run] = whole ? [1, columns * depth * 4] : [columns, depth * 4];
  return (scratch) => {
    const input = windows.ready(scratch);
    for (let g = 0; g < groups; g++) {
      const [source, target] = [input + g * depth * 4, into[1]! + g * taps * 4];
      const from = gradient + g * own * 4;
      const window = [rows, segments, run, ...windows.tap, ...windows.step] as const;
      wasm.conv_weights(source, from, target, height, width, own, channels * 4, ...window);
    }
  };
}

function bindDepthwise(binding: BackwardBinding): Step | undefined {
  const weights = binding.reals(1);
  if (weights === undefined) return undefined;
  return inOrder(biasStep(binding), depthwiseWeightsStep(binding), depthwiseInputStep(binding, weights));
}

function depthwiseInputStep(binding: BackwardBinding, weights: Float32Array): Step | undefined {
  const { wasm, inputs, into } = binding;
  if (into[0]! < 0) return undefined;
  const { dilation } = binding.node.attributes as ConvAttributes;
  const [, rows, columns, channels] = inputs[1]!.shape as Image;
  const [, height, width] = inputs[0]!.shape as Image;
  const spread = spreadGradient(binding, [rows, columns], Math.ceil(channels / BLOCK) * BLOCK);
  const taps = rows * columns;
  const flipped = weights.map(
    (_, i) => weights[(taps - 1 - Math.floor(i / channels)) * channels + (i % channels)]!,
  );
  const packed = binding.constant(packDepthwise(flipped, channels));
  const zeros = binding.constant(padBias(undefined, channels));
  const { rowBytes, pixelBytes } = spread;
  const window = [
    rows,
    columns,
    dilation[0] * rowBytes,
    dilation[1] * pixelBytes,
    pixelBytes,
    rowBytes,
  ] as const;
  return addResult(binding, spread, (input, to) =>
    wasm.depthwise(input, packed, zeros, to, height, width, channels, ...window, ...UNBOUNDED),
  );
}

function depthwiseWeightsStep(binding: BackwardBinding): Step | undefined {
  const { wasm, output, gradient, into } = binding;
  if (into[1]! < 0) return undefined;
  const [, height, width, channels] = output.shape as Image;
  const { kernel, tap, step, ready } = windowsOf(binding, Math.ceil(channels / BLOCK) * BLOCK);
  return (scratch) =>
    wasm.depthwise_weights(
      ready(scratch),
      gradient,
      into[1]!,
      height,
      width,
      channels,
      ...kernel,
      ...tap,
      ...step,
    );
}

function bindDense(binding: BackwardBinding): Step | undefined {
  const { wasm, inputs, output, from, gradient, into } = binding;
  const weights = binding.reals(1);
  if (weights === undefined) return undefined;
  const [rows, channels] = output.shape as [number, number];
  const depth = inputs[1]!.shape[1]!;
  const pixel = channels * 4;
  const line = [1, 1, depth * 4, 0, 0, depth * 4, 0] as const;
  const weightsStep: Step | undefined =
    into[1]! < 0
      ? undefined
      : () => wasm.conv_weights(from[0]!, gradient, into[1]!, 1, rows, channels, pixel, ...line);
  if (into[0]! < 0) return inOrder(biasStep(binding), weightsStep);
  const packed = binding.constant(packRows(turned(weights, channels, 1, depth), depth));
  const zeros = binding.constant(padBias(undefined, depth));
  const spread = { ready: () => gradient, bytes: 0, rowBytes: 0, pixelBytes: 0 };
  const window = [1, 1, pixel, 0, 0, pixel, 0] as const;
  const inputStep = addResult(binding, spread, (input, to) =>
    wasm.conv(input, packed, zeros, to, 1, rows, depth, depth * 4, ...window, ...UNBOUNDED),
  );
  return inOrder(biasStep(binding), weightsStep, inputStep);
}
