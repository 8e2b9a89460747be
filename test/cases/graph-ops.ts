// Random nodes of the ops that move codes or work on single ones, for graphs.ts.
import { elements } from "../../src/graph/graph.ts";
import type { UnaryFunction } from "../../src/ops/unary.ts";
import type { Affine, GraphBuilder } from "./builder.ts";
import type { Random } from "./random.ts";

/** What a maker of nodes sees of the graph so far. */
export interface Context {
  readonly random: Random;
  readonly builder: GraphBuilder;
  /** Activations made so far. */
  readonly made: readonly number[];
  /** A scale near `scale`, and some zero point. */
  affine(scale: number): Affine;
}

/** Appends a node that reads `x`; undefined where none fits. */
type Make = (context: Context, x: number) => number | undefined;

const ACTIVATIONS = ["none", "none", "relu", "relu6"] as const;
const MOST_ELEMENTS = 24_000;
const MOST_MACS = 3_000_000;

/** A sum, difference, product and so on with another activation or a constant, of one shape or repeated. */
const binary: Make = ({ random, builder, made, affine }, x) => {
  const shape = builder.shape(x);
  const op = random.pick(["add", "sub", "mul", "mul", "minimum", "maximum", "prelu"]);
  const { scale } = builder.affine(x);
  const fits = (other: readonly number[]) =>
    other.length === shape.length &&
    other.every((size, axis) => size === shape[axis] || size === 1 || shape[axis] === 1) &&
    other.reduce((product, size, axis) => product * Math.max(size, shape[axis]!), 1) <= MOST_ELEMENTS;
  const partner = random.pick(made.filter((other) => fits(builder.shape(other))));
  const constant = random.chance(0.5);
  const own = constant ? constantOperand(random, builder, shape, scale) : partner;
  const operands = op !== "prelu" && random.chance(0.3) ? [own, x] : [x, own];
  const other = builder.affine(own).scale;
  const to = op === "mul" ? scale * other * 60 : op === "prelu" ? scale : Math.hypot(scale, other);
  return builder.node(op, operands, { activation: random.pick(ACTIVATIONS) }, affine(to));
};

/** A constant per channel, per pixel or of every element; sometimes of a lower rank. */
function constantOperand(
  random: Random,
  builder: GraphBuilder,
  shape: readonly number[],
  scale: number,
): number {
  const own = random.chance(0.4)
    ? shape.slice(-1)
    : shape.map((size, axis) => (axis > 0 && random.chance(0.5) ? 1 : size));
  const quantization = { scale: [scale], zeroPoint: [random.integer(-30, 30)], axis: null };
  return builder.constant(random.codes(own.reduce((a, b) => a * b, 1)), own, "int8", quantization);
}

const FUNCTIONS: readonly UnaryFunction[] = [
  "sigmoid",
  "tanh",
  "hardSwish",
  "gelu",
  "elu",
  "leakyRelu",
  "square",
];

const unary: Make = ({ random, builder, affine }, x) => {
  const name = random.pick(FUNCTIONS);
  return builder.node("unary", [x], { function: name, alpha: 0.25 }, affine(1 / 40));
};

const concat: Make = ({ random, builder, made, affine }, x) => {
  const shape = builder.shape(x);
  const axis = random.integer(1, shape.length - 1);
  const others = made.filter((other) => {
    const own = builder.shape(other);
    return own.length === shape.length && own.every((size, i) => i === axis || size === shape[i]);
  });
  const inputs = [x, ...Array.from({ length: random.integer(0, 3) }, () => random.pick(others))];
  const to = random.chance(0.4) ? builder.affine(x) : affine(builder.affine(x).scale);
  if (inputs.reduce((sum, input) => sum + builder.size(input), 0) > MOST_ELEMENTS) return undefined;
  return builder.node("concat", inputs, { axis }, to);
};

const slice: Make = ({ random, builder }, x) => {
  const shape = builder.shape(x);
  const strides = shape.map((_, axis) => (axis === 0 ? 1 : random.pick([1, 1, 1, 2, -1])));
  const begin = shape.map((size, axis) => {
    if (axis === 0) return 0;
    return strides[axis]! < 0 ? random.integer(0, size - 1) : random.integer(0, Math.floor((size - 1) / 2));
  });
  const size = shape.map((extent, axis) => {
    const room = strides[axis]! < 0 ? begin[axis]! + 1 : Math.ceil((extent - begin[axis]!) / strides[axis]!);
    return axis === 0 ? extent : random.integer(Math.ceil(room / 2), room);
  });
  return builder.node("slice", [x], { begin, size, strides }, builder.affine(x));
};

const transpose: Make = ({ random, builder }, x) => {
  const orders = [
    [0, 2, 1, 3],
    [0, 1, 3, 2],
    [0, 3, 1, 2],
    [0, 2, 3, 1],
    [0, 3, 2, 1],
  ];
  const permutation = builder.shape(x).length === 4 ? random.pick(orders) : [1, 0];
  return builder.node("transpose", [x], { permutation }, builder.affine(x));
};

const resize: Make = ({ random, builder }, x) => {
  const [, height, width, channels] = builder.shape(x) as [number, number, number, number];
  const size = [random.integer(1, 2 * height + 1), random.integer(1, 2 * width + 1)];
  if (size[0]! * size[1]! * channels > MOST_ELEMENTS / 2) return undefined;
  const alignCorners = random.chance(0.4);
  const mode = random.pick(["nearest", "bilinear", "bilinear"]);
  const attributes = {
    mode: (builder.affine(x).bits ?? 8) === 8 ? mode : "nearest", // bilinear takes bytes
    size,
    alignCorners,
    halfPixelCenters: !alignCorners && random.chance(0.5),
    positions: random.pick(["exact", "tenBits"]),
    ...(random.chance(0.3) && {
      rounding: random.pick(["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]),
    }),
  };
  return builder.node("resize", [x], attributes, builder.affine(x));
};

const gather: Make = ({ random, builder }, x) => {
  const axis = random.pick([1, 2]);
  const extent = builder.shape(x)[axis]!;
  const indices = Array.from({ length: random.integer(1, extent) }, () => random.integer(0, extent - 1));
  return builder.node("gather", [x], { axis, indices }, builder.affine(x));
};

const rearrange: Make = ({ random, builder }, x) => {
  const [, height, width, channels] = builder.shape(x) as [number, number, number, number];
  const block = random.pick([2, 2, 3]);
  const fits = {
    spaceToDepth: height % block === 0 && width % block === 0,
    depthToSpace: channels % (block * block) === 0,
  };
  const ops = (["spaceToDepth", "depthToSpace"] as const).filter((op) => fits[op]);
  if (ops.length === 0) return undefined;
  return builder.node(random.pick(ops), [x], { block }, builder.affine(x));
};

const spread: Make = ({ random, builder }, x) => {
  if (builder.size(x) > MOST_ELEMENTS / 10) return undefined;
  const stride = [random.integer(1, 3), random.integer(1, 3)];
  const padding = [random.integer(0, 2), random.integer(0, 2), random.integer(0, 2), random.integer(0, 2)];
  const value = random.chance(0.5) ? {} : { value: builder.affine(x).scale * random.integer(-200, 200) };
  return builder.node("pad", [x], { padding, channels: [0, 0], stride, ...value }, builder.affine(x));
};

const sum: Make = ({ random, builder, affine }, x) => {
  const axes = random.pick([[1, 2], [1], [2]]);
  const count = axes.reduce((product, axis) => product * builder.shape(x)[axis]!, 1);
  return builder.node("sum", [x], { axes }, affine(builder.affine(x).scale * Math.sqrt(count) * 1.5));
};

const argMax: Make = ({ builder }, x) =>
  builder.shape(x).at(-1)! > 256 ? undefined : builder.node("argMax", [x], {}, { scale: 1, zeroPoint: -128 });

const l2Normalization: Make = ({ random, builder }, x) => {
  const zeroPoint = random.integer(-5, 5);
  return builder.node("l2Normalization", [x], {}, { scale: 1 / 128, zeroPoint });
};

/** A window over a stream, of which the graph's other nodes read the rows. */
const push: Make = ({ random, builder }, x) => {
  if (builder.size(x) > MOST_ELEMENTS / 4) return undefined;
  const axis = random.integer(1, 2);
  return builder.push(x, axis, builder.shape(x)[axis]! + random.pick([0, 1, 1, 2, 3]));
};

/** A product with another activation, or with a constant matrix. */
const matMul: Make = ({ random, builder, made, affine }, x) => {
  const shape = builder.shape(x);
  const [transposeA, transposeB] = [random.chance(0.3), random.chance(0.5)];
  const [rows, depth] = (transposeA ? shape.toReversed() : shape.slice(-2)) as [number, number];
  const fits = (other: readonly number[]) =>
    other.length === shape.length &&
    other.at(transposeB ? -1 : -2) === depth &&
    other.slice(0, -2).every((size, i) => size === shape[i] || size === 1 || shape[i] === 1);
  const partners = made.filter((other) => fits(builder.shape(other)));
  const columns = random.integer(1, 20);
  const own = [...shape.slice(0, -2).map(() => 1), ...(transposeB ? [columns, depth] : [depth, columns])];
  const { scale } = builder.affine(x);
  const other =
    partners.length > 0 && random.chance(0.5)
      ? random.pick(partners)
      : constantOf(random, builder, own, { scale, zeroPoint: random.integer(-30, 30) });
  const outputs = builder.shape(other).at(transposeB ? -2 : -1)! * rows * elements(shape.slice(0, -2));
  if (outputs > MOST_ELEMENTS || outputs * depth > MOST_MACS) return undefined;
  const to = scale * builder.affine(other).scale * 60 * Math.sqrt(depth);
  const attributes = { transposeA, transposeB, activation: random.pick(ACTIVATIONS) };
  return builder.node("matMul", [x, other], attributes, affine(to));
};

function constantOf(random: Random, builder: GraphBuilder, shape: readonly number[], affine: Affine): number {
  const quantization = { scale: [affine.scale], zeroPoint: [affine.zeroPoint], axis: null };
  return builder.constant(random.codes(elements(shape)), shape, "int8", quantization);
}

const lstm: Make = ({ random, builder }, x) => {
  const shape = builder.shape(x);
  const [taps, units] = [shape.at(-1)!, random.pick([1, 3, 8, 13])];
  if ((builder.size(x) / taps) * units * (taps + units) > MOST_MACS / 10) return undefined;
  const affine = { scale: 1 / 128, zeroPoint: random.integer(-20, 20) };
  const hidden = builder.state([1, units], affine);
  const cell = builder.state([1, 2 * units], { scale: 1, zeroPoint: 0 });
  const weights = (own: number, reach: number) => {
    const scale = Array.from({ length: 4 }, () => (reach / Math.sqrt(own)) * (1 + random.integer(0, 3) / 4));
    const quantization = { scale, zeroPoint: [0, 0, 0, 0], axis: 0 };
    return builder.constant(random.codes(4 * units * own), [4, units, own], "int8", quantization);
  };
  const bias = Int32Array.from({ length: 4 * units }, () => random.integer(-9000, 9000));
  const inputs = [
    x,
    hidden,
    cell,
    weights(taps, 1 / 120),
    weights(units, 1 / 200),
    builder.constant(bias, [4, units], "int32"),
  ];
  const attributes = { cellBits: random.integer(9, 15), cellClip: random.pick([0, 0, 1, 10]) };
  return builder.node("lstm", inputs, attributes, affine);
};

/** For activations [1, h, w, c]. */
export const IMAGE_OPS: readonly Make[] = [
  binary,
  binary,
  binary,
  unary,
  concat,
  concat,
  slice,
  transpose,
  resize,
  gather,
  rearrange,
  spread,
  sum,
  argMax,
  l2Normalization,
  matMul,
];

/** For activations of lower rank. */
export const FLAT_OPS: readonly Make[] = [binary, unary, concat, slice, l2Normalization, matMul];

/** What keeps states: of activations [1, h, w, c], and of lower rank. */
export const IMAGE_STATE_OPS: readonly Make[] = [push, push, lstm];
export const FLAT_STATE_OPS: readonly Make[] = [lstm];
