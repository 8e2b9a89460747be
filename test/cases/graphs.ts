import type { Graph } from "../../src/graph/graph.ts";
import { type ActivationBits, activationRange } from "../../src/numerics/pack.ts";
import type { Activation } from "../../src/ops/activation.ts";
import type { Halo } from "../../src/ops/index.ts";
import { type Affine, type GraphBuilder, WideningBuilder } from "./builder.ts";
import { type Context, FLAT_OPS, FLAT_STATE_OPS, IMAGE_OPS, IMAGE_STATE_OPS } from "./graph-ops.ts";
import { Random } from "./random.ts";

/** Most activation bytes and most multiply-accumulates of one node; keeps the TypeScript reference fast. */
const MOST_ELEMENTS = 24_000;
const MOST_MACS = 3_000_000;
const ACTIVATIONS = ["none", "none", "relu", "relu6", "reluN1To1"] as const;
/** Channel counts around the engine's block of 8 and vectors of 16, and odd ones. */
const CHANNELS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 40, 64];

/** What a width stores, and the codes that are drawn for it. */
export const WEIGHT_CODES: Readonly<Record<string, { bits: number; min: number; max: number }>> = {
  "8": { bits: 8, min: -127, max: 127 },
  "7": { bits: 7, min: -63, max: 63 },
  "6": { bits: 6, min: -32, max: 31 },
  "5": { bits: 5, min: -16, max: 15 },
  "4": { bits: 4, min: -8, max: 7 },
  "3": { bits: 3, min: -4, max: 3 },
  "2": { bits: 2, min: -2, max: 1 },
  ternary: { bits: 2, min: -1, max: 1 },
  "1": { bits: 1, min: -1, max: 1 },
};

/** Codes spread about this far from the zero point, by construction: most of the range, little saturation. */
const SPREAD = 40;

/**
 * A random quantized graph over every op of the registry: branches, odd channel counts, paddings, strides, dilations,
 * several inputs and outputs, nodes that nobody reads; inner activations of the given widths; states, where asked for.
 * The same seed gives the same graph.
 */
export function randomGraph(
  seed: number,
  widths: readonly ActivationBits[] = [8],
  { states = false } = {},
): Graph {
  const random = new Random(seed);
  const builder = new WideningBuilder(`random-${seed}`);
  const maker = new Maker(random, builder, seed, widths, states);
  const size = random.pick([1, 3, 5, 8, 13, 20, 28]);
  const inputs = random.chance(0.2) ? 2 : 1;
  const shape = [1, size, Math.max(1, size + random.integer(-2, 3)), random.pick([1, 2, 3, 4, 8, 11, 16])];
  for (let i = 0; i < inputs; i++) maker.input(random.chance(0.1) ? [1, random.integer(1, 70)] : shape);
  const length = random.integer(1, 14);
  for (let i = 0; i < length; i++) maker.step();
  maker.finish();
  return builder.build();
}

/** Dense canonical int8 codes for every input of a graph. */
export function randomInputs(graph: Graph, seed: number): Int8Array[] {
  const random = new Random(seed ^ 0x5bd1e995);
  return graph.inputs.map(({ shape }) => random.codes(shape.reduce((a, b) => a * b, 1)));
}

/** Codes of 8 bits in a narrower width, and how much smaller they are (as root mean squares). */
function narrow(data: Int8Array, width: string): { codes: Int8Array; gain: number } {
  const { bits, min, max } = WEIGHT_CODES[width]!;
  const codes = data.map((code) => {
    if (bits === 1) return code < 0 ? -1 : 1;
    return code < -120 ? min : Math.round((code * max) / 127);
  });
  const squares = (values: Int8Array) => values.reduce((sum, value) => sum + value * value, 1);
  return { codes, gain: width === "8" ? 1 : Math.sqrt(squares(codes) / squares(data)) };
}

class Maker {
  /** Activations made so far; the last is the likeliest to be read next. */
  private readonly made: number[] = [];
  private readonly random: Random;
  /** Draws widths alone, so that they change nothing else of a graph. */
  private readonly widths: Random;
  private readonly builder: GraphBuilder;
  private readonly context: Context;
  private readonly activations: readonly ActivationBits[];
  private readonly states: boolean;

  constructor(
    random: Random,
    builder: GraphBuilder,
    seed: number,
    activations: readonly ActivationBits[],
    states: boolean,
  ) {
    this.states = states;
    this.activations = activations;
    this.random = random;
    this.widths = new Random(seed ^ 0x2545f491);
    this.builder = builder;
    this.context = { random, builder, made: this.made, affine: (scale) => this.affine(scale) };
  }

  input(shape: readonly number[]): void {
    this.made.push(this.builder.input(shape, this.bytes(1 / SPREAD), this.random.pick(["int8", "uint8"])));
  }

  /** Appends one random op that fits a random tensor. */
  step(): void {
    const x = this.random.chance(0.75) ? this.made.at(-1)! : this.random.pick(this.made);
    const image = this.builder.shape(x).length === 4;
    const makers = image
      ? [
          this.conv,
          this.conv,
          this.conv,
          this.depthwise,
          this.depthwise,
          this.residual,
          this.add,
          this.pool,
          this.pad,
          this.mean,
          this.flatten,
          this.softmax,
          this.requantize,
        ]
      : [this.dense, this.dense, this.add, this.softmax, this.requantize, this.unflatten];
    const stateOps = this.states && this.random.chance(0.2);
    const others = image ? (stateOps ? IMAGE_STATE_OPS : IMAGE_OPS) : stateOps ? FLAT_STATE_OPS : FLAT_OPS;
    const output =
      !stateOps && this.random.chance(0.6)
        ? this.random.pick(makers).call(this, x)
        : this.random.pick(others)(this.context, x);
    if (output !== undefined) this.made.push(output);
  }

  /** The last tensor is an output; sometimes an earlier one is too. */
  finish(): void {
    const { random, builder, made } = this;
    const labels = random.chance(0.3) ? ["cat", "dog", "Übergröße"] : undefined;
    const last = made.at(-1)!;
    const end =
      this.hasBytes(last) && !builder.isState(last)
        ? last
        : builder.node("requantize", [last], { activation: "none" }, this.bytes(this.scale(last)));
    builder.output(end, random.pick(["int8", "uint8"]), labels);
    const other = random.pick(made);
    if (random.chance(0.25) && other !== last && this.hasBytes(other) && !builder.isState(other))
      builder.output(other);
  }

  private hasBytes(tensor: number): boolean {
    return (this.builder.affine(tensor).bits ?? 8) === 8;
  }

  /** The scale that the tensor would have in 8 bits. */
  private scale(tensor: number): number {
    const { scale, bits = 8 } = this.builder.affine(tensor);
    return bits === 16 ? scale * 16 : scale / 2 ** (8 - bits);
  }

  /** Of any width that the graph may have. */
  private affine(scale: number, activation: Activation = "none"): Affine {
    const { widths, activations } = this;
    const wide = this.bytes(scale, activation);
    const bits = widths.pick(activations);
    if (bits === 8) return wide;
    if (bits === 16) return { scale: wide.scale / 16, zeroPoint: 0, bits };
    const [min, max] = activationRange(bits);
    const zeroPoint = activation.startsWith("relu") ? min : widths.integer(min, max);
    return { scale: wide.scale * 2 ** (8 - bits), zeroPoint, bits };
  }

  private bytes(scale: number, activation: Activation = "none"): Affine {
    const { random } = this;
    const spread = scale * random.between(0.7, 1.5);
    if (activation === "relu" || activation === "relu6") return { scale: spread, zeroPoint: -128 };
    return {
      scale: spread,
      zeroPoint: random.chance(0.1) ? random.pick([-128, 127, 0]) : random.integer(-40, 40),
    };
  }

  private conv(x: number): number | undefined {
    return this.convolution(x, "conv", this.random.pick(CHANNELS));
  }

  private depthwise(x: number): number | undefined {
    return this.convolution(x, "depthwise", this.builder.shape(x)[3]!);
  }

  /** A convolution that keeps the shape, and the sum of its output and its input. */
  private residual(x: number): number | undefined {
    const [, , , depth] = this.builder.shape(x);
    const y = this.convolution(x, this.random.pick(["conv", "depthwise"]), depth!, true);
    return y === undefined ? undefined : this.sum(this.random.chance(0.5) ? [x, y] : [y, x]);
  }

  private convolution(
    x: number,
    op: "conv" | "depthwise",
    channels: number,
    keep = false,
  ): number | undefined {
    const { random, builder } = this;
    const [, height, width, depth] = builder.shape(x) as [number, number, number, number];
    const kernel = random.pick([
      [1, 1],
      [1, 1],
      [3, 3],
      [3, 3],
      [5, 5],
      [1, 3],
      [3, 1],
      [2, 2],
      [4, 3],
    ]);
    const stride =
      keep || random.chance(0.6)
        ? [1, 1]
        : random.pick([
            [2, 2],
            [2, 1],
            [1, 2],
            [3, 3],
          ]);
    const dilation = random.chance(0.8)
      ? [1, 1]
      : random.pick([
          [2, 2],
          [1, 2],
          [3, 1],
        ]);
    const reach = [dilation[0]! * (kernel[0]! - 1) + 1, dilation[1]! * (kernel[1]! - 1) + 1];
    const same = keep || random.chance(0.7);
    const padding: Halo = same
      ? samePadding([height, width], reach, stride)
      : random.chance(0.8)
        ? [0, 0, 0, 0]
        : [random.integer(0, 2), random.integer(0, 2), random.integer(0, 2), random.integer(0, 2)];
    if (reach[0]! > height + padding[0] + padding[2] || reach[1]! > width + padding[1] + padding[3])
      return undefined;
    const dividing = [2, 3, 4, depth].filter((count) => depth % count === 0 && channels % count === 0);
    const groups = op === "conv" && random.chance(0.25) ? (random.pick([1, ...dividing]) ?? 1) : 1;
    const taps = kernel[0]! * kernel[1]! * (op === "conv" ? depth / groups : 1);
    const outputs = (Math.ceil(height / stride[0]!) + 4) * (Math.ceil(width / stride[1]!) + 4) * channels;
    if (outputs > MOST_ELEMENTS || outputs * taps > MOST_MACS) return undefined;
    const shape = op === "conv" ? [channels, ...kernel, depth / groups] : [1, ...kernel, channels];
    const activation = random.pick(ACTIVATIONS);
    const attributes = { stride, dilation, padding, activation, ...(groups > 1 && { groups }) };
    return this.weighted(x, op, attributes, shape, channels, taps);
  }

  private dense(x: number): number | undefined {
    const depth = this.builder.shape(x)[1]!;
    const channels = this.random.pick(CHANNELS);
    if (depth * channels > 200_000) return undefined;
    return this.weighted(
      x,
      "dense",
      { activation: this.random.pick(ACTIVATIONS) },
      [channels, depth],
      channels,
      depth,
    );
  }

  /** Weights, mostly with a scale per channel, sometimes with a dead channel; and mostly a bias. */
  private weighted(
    x: number,
    op: string,
    attributes: { activation: Activation },
    shape: readonly number[],
    channels: number,
    taps: number,
  ): number {
    const { random, builder } = this;
    const from = builder.affine(x);
    const base = 1 / (SPREAD * Math.sqrt(taps));
    const axis = op === "depthwise" ? 3 : 0;
    const perChannel = random.chance(0.8);
    const scale = Array.from({ length: perChannel ? channels : 1 }, () => base * random.between(0.5, 1.5));
    const data = random.codes(channels * taps, -127, 127);
    if (perChannel && random.chance(0.15)) {
      const dead = random.integer(0, channels - 1);
      scale[dead] = 2 ** -40;
      data.forEach((_, i) => {
        if ((axis === 3 ? i % channels : Math.floor(i / taps)) === dead) data[i] = 0;
      });
    }
    // Legacy models: one scale and a zero point for all weights.
    const zero = !perChannel && random.chance(0.6) ? random.integer(-20, 20) : 0;
    const quantization = { scale, zeroPoint: scale.map(() => zero), axis: perChannel ? axis : null };
    const width = zero !== 0 || this.widths.chance(0.4) ? "8" : this.widths.pick(Object.keys(WEIGHT_CODES));
    const { codes, gain } = narrow(data, width);
    const weights = builder.constant(codes, shape, "int8", {
      ...quantization,
      scale: scale.map((value) => value / gain),
      bits: WEIGHT_CODES[width]!.bits,
    });
    const spread = (SPREAD * SPREAD * Math.sqrt(taps) * gain * this.scale(x)) / from.scale;
    const bias = random.chance(0.85)
      ? builder.constant(
          Int32Array.from({ length: channels }, () => Math.round(random.between(-spread, spread))),
          [channels],
          "int32",
        )
      : -1;
    // A code step of the output is `SPREAD` times smaller than the accumulator's spread in reals.
    const to = this.affine(this.scale(x) * 1.2, attributes.activation);
    return builder.node(
      op,
      bias < 0 && random.chance(0.5) ? [x, weights] : [x, weights, bias],
      attributes,
      to,
    );
  }

  private add(x: number): number | undefined {
    const { random, builder } = this;
    const shape = builder.shape(x).join();
    const partners = this.made.filter((other) => builder.shape(other).join() === shape);
    return this.sum(random.chance(0.5) ? [x, random.pick(partners)] : [random.pick(partners), x]);
  }

  private sum([a, b]: readonly [number, number]): number {
    const activation = this.random.pick(ACTIVATIONS);
    const scale = Math.hypot(this.scale(a), this.scale(b));
    return this.builder.node("add", [a, b], { activation }, this.affine(scale, activation));
  }

  private pool(x: number): number | undefined {
    const { random, builder } = this;
    const [, height, width] = builder.shape(x) as [number, number, number, number];
    const kernel = [Math.min(height, random.integer(1, 4)), Math.min(width, random.integer(1, 4))];
    const stride = random.chance(0.5) ? kernel : [random.integer(1, 3), random.integer(1, 3)];
    const same = samePadding([height, width], kernel, stride);
    const padding: Halo = random.chance(0.5) ? same : [0, 0, 0, 0];
    const attributes = { kernel, stride, padding, activation: random.pick(ACTIVATIONS) };
    if (random.chance(0.5)) return builder.node("maxPool", [x], attributes, builder.affine(x));
    const rounding = random.pick(["halfUp", "halfAway"]);
    return builder.node("averagePool", [x], { ...attributes, rounding }, this.averaged(x));
  }

  private mean(x: number): number {
    const { random, builder } = this;
    const axes = random.pick([[1, 2], [1, 2], [1], [2]]);
    return builder.node("mean", [x], { axes }, this.averaged(x));
  }

  /** Averages keep the scale (as TensorFlow Lite wants) or get a finer one. */
  private averaged(x: number): Affine {
    return this.random.chance(0.5) ? this.builder.affine(x) : this.affine(this.scale(x) / 2);
  }

  private pad(x: number): number | undefined {
    const { random, builder } = this;
    if (builder.size(x) > MOST_ELEMENTS / 4) return undefined;
    const padding = [random.integer(0, 2), random.integer(0, 2), random.integer(0, 2), random.integer(0, 2)];
    const channels = random.chance(0.3) ? [random.integer(0, 4), random.integer(0, 9)] : [0, 0];
    return builder.node("pad", [x], { padding, channels }, builder.affine(x));
  }

  /** Whether a reshape between these numbers of channels leaves codes where they are in their bytes. */
  private fillsBytes(x: number, ...channels: number[]): boolean {
    const { bits = 8 } = this.builder.affine(x);
    return channels.every((count) => (count * bits) % 8 === 0);
  }

  private flatten(x: number): number | undefined {
    const shape = [1, this.builder.size(x)];
    if (!this.fillsBytes(x, shape[1]!, this.builder.shape(x).at(-1)!)) return undefined;
    return this.builder.node("reshape", [x], { shape }, this.builder.affine(x));
  }

  private unflatten(x: number): number | undefined {
    const size = this.builder.size(x);
    const height = [4, 3, 2].find((side) => size % side === 0) ?? 1;
    if (!this.fillsBytes(x, size / height, size)) return undefined;
    return this.builder.node(
      "reshape",
      [x],
      { shape: [1, height, 1, size / height] },
      this.builder.affine(x),
    );
  }

  private softmax(x: number): number {
    return this.builder.node(
      "softmax",
      [x],
      { beta: this.random.pick([1, 1, 0.5]) },
      { scale: 1 / 256, zeroPoint: -128 },
    );
  }

  private requantize(x: number): number {
    const activation = this.random.pick(ACTIVATIONS);
    return this.builder.node("requantize", [x], { activation }, this.affine(this.scale(x), activation));
  }
}

/** Padding that gives ceil(size / stride) outputs, the odd pixel below and to the right. */
function samePadding(size: readonly number[], reach: readonly number[], stride: readonly number[]): Halo {
  const total = (axis: number) =>
    Math.max(0, (Math.ceil(size[axis]! / stride[axis]!) - 1) * stride[axis]! + reach[axis]! - size[axis]!);
  const [vertical, horizontal] = [total(0), total(1)];
  const [top, left] = [Math.floor(vertical / 2), Math.floor(horizontal / 2)];
  return [top, left, vertical - top, horizontal - left];
}
