// Backward steps of the layers with weights.
import type { Binding } from "../../float/binding.ts";
import { bindConv, bindDense, bindDepthwise } from "../../float/convolutions.ts";
import { packDepthwise, packRows, padBias } from "../../float/packing.ts";
import type { Node, Tensor } from "../../graph/graph.ts";
import { windowHalo } from "../../ops/window.ts";
import { type Layer, layerOf } from "../layer.ts";
import type { Place, Workspace } from "./workspace.ts";

/** A layer on the tape: its constants can be exchanged, and its gradients add up until they are taken. */
export interface TapeLayer {
  readonly layer: Layer;
  /** Weights in the order of their tensor, and the bias. */
  load(weights: Float32Array, bias: Float32Array): void;
  /** Gradients by the weights, [channels][taps] (none for depthwise), and by the bias, since they were last taken. */
  take(): { readonly weights: Float64Array | undefined; readonly bias: Float64Array };
  forward(): void;
  backward(): void;
}

const BLOCK = 8;

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** The tape's side of a conv without groups, a depthwise or a dense node. */
export function tapeLayer(space: Workspace, node: Node, base: Node): TapeLayer {
  const layer = layerOf(node, space.graph);
  const forward = bindKernel(space, space.binding(node, base));
  const input = space.place(node.inputs[0]!).gradient === 0 ? undefined : new InputGradient(space, layer);
  const weights = node.op === "depthwise" ? undefined : new WeightGradient(space, layer, forward.padded);
  const [height, width, channels] = layer.output;
  const output = space.place(node.outputs[0]!);
  const sums = space.allocate(channels);
  return {
    layer,
    load(values, bias) {
      const pack = node.op === "depthwise" ? packDepthwise : packRows;
      space.write(forward.weights, pack(values, channels));
      space.write(forward.bias, padBias(bias, channels));
      input?.load(values);
    },
    take() {
      const bias = Float64Array.from(space.view(sums, channels));
      space.view(sums, channels).fill(0);
      return { weights: weights?.take(), bias };
    },
    forward: forward.run,
    backward() {
      space.wasm.sum_channels(output.gradient, height * width, channels, sums);
      weights?.accumulate();
      input?.run();
    },
  };
}

/** A kernel bound to memory of its own, and where it keeps its constants and its padded input. */
interface Kernel {
  readonly weights: number;
  readonly bias: number;
  readonly padded: number;
  run(): void;
}

/** Binds a kernel whose constants are only reserved: `load` fills them. */
function bindKernel(space: Workspace, bare: Omit<Binding, "constant" | "scratch">): Kernel {
  const addresses: number[] = [];
  let scratch: number | undefined;
  const binding: Binding = {
    ...bare,
    constant(values) {
      addresses.push(space.allocate(values.length));
      return addresses.at(-1)!;
    },
    scratch(bytes) {
      scratch = space.allocate(bytes / 4);
    },
  };
  const { op } = bare.node;
  const step = (op === "dense" ? bindDense : op === "depthwise" ? bindDepthwise : bindConv)(binding)!;
  const [weights, bias] = addresses as [number, number];
  return { weights, bias, padded: scratch ?? bare.from[0]!, run: () => step(scratch ?? 0) };
}

/** dL/dx: the gradient, spread by the stride, convolved with the turned kernel. */
class InputGradient {
  private readonly space: Workspace;
  private readonly layer: Layer;
  private readonly kernel: Kernel;
  private readonly spread: readonly [height: number, width: number];
  private readonly from: number;
  private readonly to: number;

  constructor(space: Workspace, layer: Layer) {
    const { input, output, window, node } = layer;
    this.space = space;
    this.layer = layer;
    this.spread = [0, 1].map((axis) => (output[axis]! - 1) * window.stride[axis]! + 1) as [number, number];
    const source = space.place(node.outputs[0]!).gradient;
    this.from = this.isStrided ? space.allocate(this.spread[0] * this.spread[1] * output[2]) : source;
    this.to = space.allocate(input[0] * input[1] * input[2]);
    this.kernel = bindKernel(space, this.convolution());
  }

  load(weights: Float32Array): void {
    const { space, layer, kernel } = this;
    const isDepthwise = layer.node.op === "depthwise";
    const turn = (isDepthwise ? turnedDepthwise : turned)(weights, layer);
    space.write(kernel.weights, (isDepthwise ? packDepthwise : packRows)(turn, layer.input[2]));
  }

  run(): void {
    const { space, spread, from, layer } = this;
    const { output, window, node } = layer;
    if (this.isStrided) {
      const pixel = output[2] * 4;
      const [below, right] = [window.stride[0] * spread[1] * pixel, window.stride[1] * pixel];
      const { gradient } = space.place(node.outputs[0]!);
      space.wasm.copy_blocks(
        gradient,
        from,
        output[0],
        output[1],
        pixel,
        output[1] * pixel,
        pixel,
        below,
        right,
      );
    }
    this.kernel.run();
    space.addGradient(space.place(node.inputs[0]!), this.to);
  }

  private get isStrided(): boolean {
    return this.layer.window.stride.some((step) => step > 1);
  }

  private convolution(): Omit<Binding, "constant" | "scratch"> {
    const { input, output, window, node } = this.layer;
    const { kernel, dilation, padding } = window;
    const reach = [0, 1].map((axis) => dilation[axis]! * (kernel[axis]! - 1));
    const before = [0, 1].map((axis) => reach[axis]! - padding[axis]!);
    const after = [0, 1].map((axis) => input[axis]! + reach[axis]! - this.spread[axis]! - before[axis]!);
    const isDepthwise = node.op === "depthwise";
    const shape = isDepthwise ? [1, ...kernel, input[2]] : [input[2], ...kernel, output[2]];
    const attributes = { stride: [1, 1], dilation, padding: [...before, ...after], activation: "none" };
    const tensor = (own: readonly number[]): Tensor => ({ name: "gradient", dtype: "float32", shape: own });
    return {
      wasm: this.space.wasm,
      node: { ...node, op: isDepthwise ? "depthwise" : "conv", attributes },
      inputs: [tensor([1, ...this.spread, output[2]]), tensor(shape), undefined],
      output: tensor([1, ...input]),
      from: [this.from],
      to: this.to,
      reals: (index) => (index === 1 ? new Float32Array(shape.reduce((a, b) => a * b, 1)) : undefined),
    };
  }
}

/** [output][y][x][input] to [input][-y][-x][output]. */
function turned(weights: Float32Array, { window, input, output }: Layer): Float32Array {
  const taps = window.kernel[0] * window.kernel[1];
  const [inputs, outputs] = [input[2], output[2]];
  const result = new Float32Array(weights.length);
  for (let n = 0; n < outputs; n++) {
    for (let tap = 0; tap < taps; tap++) {
      for (let c = 0; c < inputs; c++) {
        result[(c * taps + taps - 1 - tap) * outputs + n] = weights[(n * taps + tap) * inputs + c]!;
      }
    }
  }
  return result;
}

/** [y][x][channel] to [-y][-x][channel]. */
function turnedDepthwise(weights: Float32Array, { output: [, , channels], taps }: Layer): Float32Array {
  return weights.map((_, i) => weights[(taps - 1 - Math.floor(i / channels)) * channels + (i % channels)]!);
}

/** dL/dw, one area a kernel row: a row of the window is contiguous in the padded input. */
class WeightGradient {
  private readonly space: Workspace;
  private readonly layer: Layer;
  private readonly padded: number;
  private readonly areas: readonly number[];
  private readonly run: number;
  private readonly source: Place;
  private readonly rowBytes: number;

  constructor(space: Workspace, layer: Layer, padded: number) {
    const { window, input, output, node } = layer;
    this.space = space;
    this.layer = layer;
    this.padded = padded;
    this.run = window.kernel[1] * input[2];
    const size = roundUp(output[2], 4) * roundUp(this.run, BLOCK);
    this.areas = Array.from({ length: window.kernel[0] }, () => space.allocate(size));
    this.source = space.place(node.outputs[0]!);
    const [, left, , right] = windowHalo(window, input, output);
    this.rowBytes = (left + input[1] + right) * input[2] * 4;
  }

  accumulate(): void {
    const { space, layer, areas, run, source, rowBytes, padded } = this;
    const { output, input, window } = layer;
    const pixel = output[2] * 4;
    areas.forEach((area, y) => {
      space.wasm.outer(
        source.gradient,
        pixel,
        output[1] * pixel,
        padded + y * window.dilation[0] * rowBytes,
        window.stride[1] * input[2] * 4,
        window.stride[0] * rowBytes,
        output[0],
        output[1],
        area,
        roundUp(run, BLOCK) * 4,
        roundUp(output[2], 4),
        roundUp(run, BLOCK),
      );
    });
  }

  take(): Float64Array {
    const { space, layer, areas, run } = this;
    const [channels, pitch] = [layer.output[2], roundUp(run, BLOCK)];
    const result = new Float64Array(channels * areas.length * run);
    areas.forEach((area, y) => {
      const sums = space.view(area, roundUp(channels, 4) * pitch);
      for (let n = 0; n < channels; n++) {
        for (let k = 0; k < run; k++) result[(n * areas.length + y) * run + k] = sums[n * pitch + k]!;
      }
      sums.fill(0);
    });
    return result;
  }
}
