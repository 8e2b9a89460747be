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
  /** Taps of a side. */
  readonly kernel: 1 | 3;
  /** A key of WEIGHT_CODES. */
  readonly weights: string;
  readonly activationBits: 8 | 1;
  readonly dilation: 1 | 2;
  readonly macs: number;
}

const PRODUCT = { kernel: 1, activationBits: 8, dilation: 1 } as const;

function product(size: Size, channels: number, weights: string): Kernel {
  const [height, width, depth] = size;
  const [op, pixels] = [height * width === 1 ? ("dense" as const) : ("conv" as const), height * width];
  const macs = pixels * depth * channels;
  const group = `${pixels}x${depth} to ${channels}`;
  return { ...PRODUCT, group, title: `weights: ${weights}`, op, size, channels, weights, macs };
}

function conv3x3(size: Size, channels: number, bits: 8 | 1): Kernel {
  const own = product(size, channels, `${bits}`);
  const title = bits === 1 ? "bits by bits" : own.title;
  const group = `3x3 on ${size.join("x")} to ${channels}`;
  return { ...own, group, title, kernel: 3, activationBits: bits, macs: own.macs * 9 };
}

function depthwise(size: Size, dilation: 1 | 2): Kernel {
  const [height, width, depth] = size;
  return {
    group: `depthwise 3x3 on ${size.join("x")}`,
    title: dilation === 2 ? "pairs of taps, 16-bit dot product (dilated)" : "by columns",
    op: "depthwise",
    kernel: 3,
    size,
    channels: depth,
    weights: "8",
    activationBits: 8,
    dilation,
    macs: height * width * depth * 9,
  };
}

const PRODUCTS: readonly (readonly [Size, number])[] = [
  [[28, 28, 128], 128],
  [[14, 14, 256], 256],
  [[7, 7, 512], 512],
];
const BINARY: readonly (readonly [Size, number])[] = [
  [[28, 28, 64], 64],
  [[28, 28, 128], 128],
  [[14, 14, 256], 256],
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
  ...[...PRODUCTS, ...ROWS].flatMap(([size, channels]) =>
    ["8", "4", "2", "ternary"].map((weights) => product(size, channels, weights)),
  ),
  ...BINARY.flatMap(([size, channels]) => [conv3x3(size, channels, 8), conv3x3(size, channels, 1)]),
  ...PLANES.flatMap((size) => [depthwise(size, 2), depthwise(size, 1)]),
];

/** The layer alone, with random codes: the last step but the output. */
export function kernelModel(of: Kernel): Compiled {
  const { op, size, channels, kernel, weights, activationBits, dilation } = of;
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
    op === "dense"
      ? [channels, depth]
      : op === "conv"
        ? [channels, kernel, kernel, depth]
        : [1, kernel, kernel, depth];
  const codes = random
    .codes(
      shape.reduce((a, b) => a * b, 1),
      min,
      max,
    )
    .map((code) => (bits === 1 ? code || 1 : code));
  const taps = kernel * kernel * (op === "depthwise" ? 1 : depth);
  const scale = Array.from({ length: channels }, () => random.between(0.5, 1.5) / (max * Math.sqrt(taps)));
  const quantization = { scale, zeroPoint: scale.map(() => 0), axis: op === "depthwise" ? 3 : 0, bits };
  const constant = builder.constant(codes, shape, "int8", quantization);
  const bias = builder.constant(new Int32Array(channels), [channels], "int32");
  const pad = kernel === 3 ? dilation : 0;
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
