// The layers of `npm run kernels`.
import { type Compiled, compileGraph } from "../../src/compile.ts";
import { type Affine, GraphBuilder } from "../cases/builder.ts";
import { WEIGHT_CODES } from "../cases/graphs.ts";
import { Random } from "../cases/random.ts";

type Size = readonly [height: number, width: number, depth: number];

/** A layer with weights; kernels of a group compute the same number of products of the same shape. */
export interface Kernel {
  readonly group: string;
  readonly title: string;
  readonly op: "conv" | "dense" | "depthwise";
  readonly size: Size;
  readonly channels: number;
  /** A key of WEIGHT_CODES. */
  readonly weights: string;
  readonly activationBits: 8 | 1;
  readonly dilation: 1 | 2;
  readonly macs: number;
}

const WINDOW = 3;

function product(size: Size, channels: number, weights: string, activationBits: 8 | 1 = 8): Kernel {
  const [height, width, depth] = size;
  const op = height * width === 1 ? "dense" : "conv";
  return {
    group: `${height * width}x${depth} to ${channels}`,
    title: activationBits === 1 ? "bits by bits" : `weights: ${weights}`,
    op,
    size,
    channels,
    weights,
    activationBits,
    dilation: 1,
    macs: height * width * depth * channels,
  };
}

function depthwise(size: Size, dilation: 1 | 2): Kernel {
  const [height, width, depth] = size;
  return {
    group: `depthwise 3x3 on ${size.join("x")}`,
    title: dilation === 2 ? "pairs of taps, 16-bit dot product (dilated)" : "by columns",
    op: "depthwise",
    size,
    channels: depth,
    weights: "8",
    activationBits: 8,
    dilation,
    macs: height * width * depth * WINDOW * WINDOW,
  };
}

const PRODUCTS: readonly (readonly [Size, number])[] = [
  [[28, 28, 128], 128],
  [[14, 14, 256], 256],
  [[7, 7, 512], 512],
];
const ROWS: readonly (readonly [Size, number])[] = [
  [[1, 1, 640], 128],
  [[1, 1, 1024], 256],
];
const PLANES: readonly Size[] = [
  [28, 28, 96],
  [14, 14, 384],
];

export const KERNELS: readonly Kernel[] = [
  ...PRODUCTS.flatMap(([size, channels]) => [
    ...["8", "4", "2", "ternary"].map((weights) => product(size, channels, weights)),
    product(size, channels, "1", 1),
  ]),
  ...ROWS.flatMap(([size, channels]) =>
    ["8", "4", "2", "ternary"].map((weights) => product(size, channels, weights)),
  ),
  ...PLANES.flatMap((size) => [depthwise(size, 2), depthwise(size, 1)]),
];

/** The layer alone, with random codes: the last step but the output. */
export function kernelModel({ op, size, channels, weights, activationBits, dilation }: Kernel): Compiled {
  const random = new Random(1);
  const { bits, min, max } = WEIGHT_CODES[weights]!;
  const [height, width, depth] = size;
  const bytes: Affine = { scale: 0.05, zeroPoint: 3 };
  const to: Affine = { scale: 0.05, zeroPoint: -4 };
  const builder = new GraphBuilder("kernel");
  const input = builder.input(op === "dense" ? [1, depth] : [1, height, width, depth], bytes);
  const bit: Affine = { scale: 1, zeroPoint: 0, bits: 1 };
  const x = activationBits === 1 ? builder.node("requantize", [input], { activation: "none" }, bit) : input;
  const shape =
    op === "dense" ? [channels, depth] : op === "conv" ? [channels, 1, 1, depth] : [1, WINDOW, WINDOW, depth];
  const codes = random
    .codes(
      shape.reduce((a, b) => a * b, 1),
      min,
      max,
    )
    .map((code) => (bits === 1 ? code || 1 : code));
  const taps = op === "depthwise" ? WINDOW * WINDOW : depth;
  const scale = Array.from({ length: channels }, () => random.between(0.5, 1.5) / (max * Math.sqrt(taps)));
  const quantization = { scale, zeroPoint: scale.map(() => 0), axis: op === "depthwise" ? 3 : 0, bits };
  const constant = builder.constant(codes, shape, "int8", quantization);
  const bias = builder.constant(new Int32Array(channels), [channels], "int32");
  const pad = op === "depthwise" ? dilation : 0;
  const window = {
    stride: [1, 1],
    dilation: [dilation, dilation],
    padding: [pad, pad, pad, pad],
    groups: 1,
  };
  const attributes = { activation: "none", ...(op === "dense" ? {} : window) };
  builder.output(builder.node(op, [x, constant, bias], attributes, to));
  return compileGraph(builder.build());
}
