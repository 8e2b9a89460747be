import type { Graph } from "../../src/graph/graph.ts";
import { type Affine, GraphBuilder } from "./builder.ts";
import { Random } from "./random.ts";

const AFFINE: Affine = { scale: 0.02, zeroPoint: -128 };
const SAME = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], activation: "relu" };
const HALVE = { ...SAME, stride: [2, 2], padding: [0, 0, 1, 1] };
const POINT = { ...SAME, padding: [0, 0, 0, 0] };

/** Builds networks of well-known shapes with random weights, for figures of memory and time. */
class Network {
  readonly builder: GraphBuilder;
  private readonly random = new Random(1);

  constructor(name: string) {
    this.builder = new GraphBuilder(name);
  }

  conv(x: number, channels: number, kernel: number, attributes: unknown): number {
    const depth = this.builder.shape(x)[3]!;
    return this.weighted("conv", x, [channels, kernel, kernel, depth], attributes);
  }

  depthwise(x: number, attributes: unknown): number {
    return this.weighted("depthwise", x, [1, 3, 3, this.builder.shape(x)[3]!], attributes);
  }

  dense(x: number, channels: number): number {
    return this.weighted("dense", x, [channels, this.builder.size(x)], { activation: "none" });
  }

  add(a: number, b: number): number {
    return this.builder.node("add", [a, b], { activation: "none" }, AFFINE);
  }

  /** Mean, flatten, dense, softmax. */
  classify(x: number, classes: number): Graph {
    const { builder } = this;
    const mean = builder.node("mean", [x], { axes: [1, 2] }, AFFINE);
    const features = builder.node("reshape", [mean], { shape: [1, builder.size(mean)] }, AFFINE);
    builder.output(
      builder.node(
        "softmax",
        [this.dense(features, classes)],
        { beta: 1 },
        { scale: 1 / 256, zeroPoint: -128 },
      ),
    );
    return builder.build();
  }

  private weighted(op: string, x: number, shape: readonly number[], attributes: unknown): number {
    const size = shape.reduce((a, b) => a * b, 1);
    const quantization = { scale: [0.01], zeroPoint: [0], axis: null };
    const weights = this.builder.constant(this.random.codes(size, -127, 127), shape, "int8", quantization);
    return this.builder.node(op, [x, weights, -1], attributes, AFFINE);
  }
}

/** MobileNet v1: depthwise and pointwise pairs. */
export function mobileNetV1(size: number, width: number): Graph {
  const network = new Network(`mobilenet-v1-${width}-${size}`);
  let x = network.builder.input([1, size, size, 3], AFFINE);
  x = network.conv(x, 32 * width, 3, HALVE);
  for (const [channels, stride] of [
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
    ...Array(5).fill([512, 1]),
    [1024, 2],
    [1024, 1],
  ]) {
    x = network.conv(network.depthwise(x, stride === 1 ? SAME : HALVE), channels * width, 1, POINT);
  }
  return network.classify(x, 2);
}

/** Channels of a width multiplier as MobileNet v2 rounds them: multiples of 8, at most a tenth below. */
function scaled(channels: number, width: number): number {
  const rounded = Math.max(8, Math.floor((channels * width + 4) / 8) * 8);
  return rounded < 0.9 * channels * width ? rounded + 8 : rounded;
}

/** MobileNet v2: inverted residuals. Its last convolution grows with the width, but does not shrink. */
export function mobileNetV2(size: number, width = 1): Graph {
  const network = new Network(`mobilenet-v2-${width}-${size}`);
  const input = network.builder.input([1, size, size, 3], AFFINE);
  let x = network.conv(input, scaled(32, width), 3, HALVE);
  for (const [expansion, channels, repeats, stride] of [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ] as const) {
    for (let i = 0; i < repeats; i++) {
      const depth = network.builder.shape(x)[3]!;
      const wide = expansion === 1 ? x : network.conv(x, depth * expansion, 1, POINT);
      const narrow = network.conv(
        network.depthwise(wide, i === 0 && stride === 2 ? HALVE : SAME),
        scaled(channels, width),
        1,
        POINT,
      );
      x = i > 0 ? network.add(x, narrow) : narrow;
    }
  }
  return network.classify(network.conv(x, Math.max(1280, scaled(1280, width)), 1, POINT), 1000);
}

/** A single layer with random weights: a kernel by itself. */
export function singleLayer(
  op: "conv" | "depthwise" | "dense",
  shape: readonly number[],
  channels: number,
  stride: 1 | 2 = 1,
): Graph {
  const network = new Network(`${op}-${shape.join("x")}`);
  const x = network.builder.input(shape, AFFINE);
  const y =
    op === "conv"
      ? network.conv(x, channels, 1, POINT)
      : op === "depthwise"
        ? network.depthwise(x, stride === 1 ? SAME : HALVE)
        : network.dense(x, channels);
  network.builder.output(y);
  return network.builder.build();
}

/** ResNet for 32x32 images with `blocks` basic blocks a stage (1: the 8-layer one of MLPerf Tiny). */
export function resNet(blocks: number): Graph {
  const network = new Network(`resnet-${blocks}`);
  let x = network.conv(network.builder.input([1, 32, 32, 3], AFFINE), 16, 3, SAME);
  for (const [channels, stride] of [
    [16, 1],
    [32, 2],
    [64, 2],
  ] as const) {
    for (let i = 0; i < blocks; i++) {
      const halve = i === 0 && stride === 2;
      const y = network.conv(network.conv(x, channels, 3, halve ? HALVE : SAME), channels, 3, SAME);
      const shortcut = halve ? network.conv(x, channels, 1, { ...POINT, stride: [2, 2] }) : x;
      x = network.add(shortcut, y);
    }
  }
  return network.classify(x, 10);
}
