// The numerics document (src/numerics/README.md), executed: a network of 18 inputs in floats, quantized and computed by
// hand, one numbered equation after the other, then compiled and run on the engine. Every byte must be the same.
//
//     npm run quantize-by-hand
import { compileGraph } from "../src/compile.ts";
import type { Border, Graph, Node, Quantization, Tensor } from "../src/graph/graph.ts";
import { InferenceSession } from "../src/runtime/node.ts";

type Say = (line: string) => void;

/** An image of 3 x 3 pixels and 2 channels, NHWC. */
const SIDE = 3;
const IMAGE = [
  [0.61, -0.94],
  [0.12, 0.33],
  [-0.27, 1.48],
  [1.02, -0.55],
  [-0.81, 0.0],
  [0.44, 0.76],
  [-0.36, 0.9],
  [1.31, 0.05],
  [0.28, -0.19],
].flat();
/** Two output channels of 2 x 2 x 2 taps, and their biases. */
const WEIGHTS = [
  [0.31, -0.52, 0.08, 0.44, -0.27, 0.66, 0.13, -0.05],
  [-0.009, 0.012, 0.02, -0.003, 0.017, 0.006, -0.014, 0.011],
];
const BIASES = [0.2, -0.01];

/** Scale and zero point of a tensor. */
interface Affine {
  readonly s: number;
  readonly z: number;
}

const round = (value: number) => Math.floor(value + 0.5);
const clamp = (code: number, min = -128, max = 127) => Math.min(max, Math.max(min, code));
const indices = (count: number) => Array.from({ length: count }, (_, i) => i);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const list = (values: readonly (number | string)[]) => `[${values.join(" ")}]`;

/** The 256 codes over a range that is widened to hold 0; real 0 is a code, and scales are float32. */
function affineOf(reals: readonly number[]): Affine {
  const [low, high] = [Math.min(0, ...reals), Math.max(0, ...reals)];
  const s = Math.fround((high - low) / 255);
  return { s, z: round(-128 - low / s) };
}

// ---- the float network: what the integers are to come near ----------------------------------------------------------

/** The pixels that a window of 2 x 2 covers, below and right of it nothing. */
function windowOf(pixel: number, stride: number, width: number): { tap: number; from: number }[] {
  const [top, left] = [Math.floor(pixel / width) * stride, (pixel % width) * stride];
  return indices(4)
    .map((tap) => ({ tap, y: top + (tap >> 1), x: left + (tap & 1) }))
    .filter(({ y, x }) => y < SIDE && x < SIDE)
    .map(({ tap, y, x }) => ({ tap, from: y * SIDE + x }));
}

function floatNetwork() {
  const features = indices(18).map((i) => {
    const products = windowOf(i >> 1, 1, SIDE).flatMap(({ tap, from }) =>
      [0, 1].map((c) => IMAGE[from * 2 + c]! * WEIGHTS[i & 1]![tap * 2 + c]!),
    );
    return Math.max(0, BIASES[i & 1]! + sum(products));
  });
  const total = features.map((value, i) => value + IMAGE[i]!);
  const pooled = indices(8).map((i) => {
    const covered = windowOf(i >> 1, 2, 2).map(({ from }) => total[from * 2 + (i & 1)]!);
    return sum(covered) / covered.length;
  });
  return { features, total, pooled };
}

// ---- the equations ---------------------------------------------------------------------------------------------------

/** (1) and (2): codes of the image, and the reals that they stand for. */
function quantizeImage(say: Say): { image: Affine; q: number[] } {
  const image = affineOf(IMAGE);
  const { s, z } = image;
  const q = IMAGE.map((r) => clamp(round(r / s) + z));
  say(`(2) q = clamp(floor(r / s + 1/2) + z): the image has s = ${s}, z = ${z}`);
  say(
    `    r = ${IMAGE[0]}: q = floor(${(IMAGE[0]! / s).toFixed(4)} + 0.5) + ${z} = ${q[0]}; all: ${list(q)}`,
  );
  const back = q.map((code) => s * (code - z));
  const worst = Math.max(...back.map((r, i) => Math.abs(r - IMAGE[i]!)));
  say(
    `(1) r = s (q - z): ${q[0]} stands for ${back[0]!.toFixed(5)}; the worst is ${(worst / s).toFixed(3)} scales off`,
  );
  say(`    real 0 is the code ${z}, exactly: the zero among the inputs is ${q[9]}`);
  return { image, q };
}

/** Codes of the weights, symmetric per channel, and of the biases, in units of the accumulator. */
function quantizeWeights(image: Affine, say: Say) {
  const s = WEIGHTS.map((row) => Math.fround(Math.max(...row.map(Math.abs)) / 127));
  const w = WEIGHTS.map((row, o) => row.map((value) => clamp(round(value / s[o]!), -127, 127)));
  const bias = BIASES.map((value, o) => round(value / (image.s * s[o]!)));
  w.forEach((row, o) => {
    say(`    channel ${o}: s_w = max|w| / 127 = ${s[o]}, w = ${list(row)}, bias ${bias[o]}`);
  });
  return { s, w, bias };
}

/** (3): what does not depend on the input, then the proof and the accumulators. */
function accumulate(image: Affine, q: readonly number[], w: number[][], bias: number[], say: Say) {
  const { z } = image;
  const beta = w.map((row, o) => bias[o]! - z * sum(row));
  say(`(3) beta = bias - z sum(w): ${bias[0]} - ${z} * ${sum(w[0]!)} = ${beta[0]}, and ${beta[1]}`);
  const reach = Math.max(127 - z, z + 128);
  const bounds = w.map((row, o) => reach * sum(row.map(Math.abs)) + Math.abs(bias[o]!));
  say(`    no accumulator leaves 32 bits: R = ${reach}, R sum|w| + |bias| = ${list(bounds)}, below 2^31`);
  const acc = indices(18).map((i) => {
    // Padding holds z, as the halo does: it adds z w, which beta has taken away.
    const codes = indices(4).map(
      (tap) => windowOf(i >> 1, 1, SIDE).find((own) => own.tap === tap)?.from ?? -1,
    );
    const row = w[i & 1]!;
    return (
      beta[i & 1]! +
      sum(row.map((weight, k) => weight * (codes[k >> 1]! < 0 ? z : q[codes[k >> 1]! * 2 + (k & 1)]!)))
    );
  });
  say(`    acc = beta + sum(w q): ${list(acc)}`);
  return { acc, bounds };
}

/** (9) and (10): scales as b / 2^c. */
function dyadic(scales: readonly number[], bounds: readonly number[], say: Say) {
  const at = (c: number) => scales.map((scale) => Math.floor(scale * 2 ** c + 0.5));
  const fits = (b: readonly number[]) => b.every((value) => value < 2 ** 31);
  const largest = indices(62)
    .map((i) => 62 - i)
    .find((c) => fits(at(c)))!;
  say(
    `(9) b = floor(s 2^c + 1/2), the largest c with every b below 2^31: c = ${largest}, b = ${list(at(largest))}`,
  );
  const errors = at(32).map((b, n) => bounds[n]! * Math.abs(b / 2 ** 32 - scales[n]!));
  const small = errors.every((error) => error < 2 ** -7);
  const isFree = small && fits(at(32));
  const why = fits(at(32)) ? `${small ? "" : "not "}below 2^-7` : "but a b of 2^31 or more does not fit";
  say(`(10) A |b / 2^32 - s| at c = 32: ${list(errors.map((error) => error.toExponential(2)))}, ${why}`);
  const c = isFree ? 32 : largest;
  say(`    so c = ${c}`);
  return { b: at(c), c };
}

const floorShift = (value: bigint, c: number) => value >> BigInt(c); // an arithmetic shift is the floor
/** Equation (4) without the zero point and the clamp. */
const roundShift = (acc: number, b: number, c: number) =>
  Number(floorShift(BigInt(acc) * BigInt(b) + 2n ** BigInt(c - 1), c));

/** (4) and (5): accumulators as codes. */
function requantize(
  acc: readonly number[],
  b: readonly number[],
  c: number,
  out: Affine,
  say: Say,
): number[] {
  const shifted = acc.map((value, i) => roundShift(value, b[i & 1]!, c));
  const min = clamp(round(0 / out.s) + out.z);
  const y = shifted.map((value) => clamp(out.z + value, min));
  say(
    `(4) y = clamp(z + floor((acc b + 2^(c-1)) / 2^c)): ${acc[0]} * ${b[0]} / 2^${c} rounds to ${shifted[0]}, plus ${out.z} is ${out.z + shifted[0]!}`,
  );
  say(`    clamped to the relu's [${min}, 127]: ${list(y)}`);
  const high = acc.map((value, i) => floorShift(BigInt(value) * BigInt(b[i & 1]!) + 2n ** BigInt(c - 1), 32));
  const same = c < 32 || high.every((word, i) => Number(floorShift(word, c - 32)) === shifted[i]);
  say(`(5) the upper word of the sum, ${high[0]}, shifted by c - 32 = ${c - 32}, is the same: ${same}`);
  if (!same) throw new Error("a floor of a floor is not the floor");
  return y;
}

/** (6): the sum of two tensors of different scales. */
function add(
  features: readonly number[],
  f: Affine,
  q: readonly number[],
  image: Affine,
  out: Affine,
  say: Say,
) {
  const scales = [f.s / out.s, image.s / out.s];
  const at = (c: number) => scales.map((scale) => Math.floor(scale * 2 ** c + 0.5));
  const c = indices(30)
    .map((i) => 30 - i)
    .find((shift) => at(shift).every((b) => b <= 2 ** 21))!;
  const [a, b] = at(c) as [number, number];
  const y = features.map((code, i) => {
    const total = a * (code - f.z) + b * (q[i]! - image.z);
    return clamp(out.z + Math.floor((total + 2 ** (c - 1)) / 2 ** c));
  });
  say(
    `(6) b = ${a} and ${b} with one c = ${c}, each at most 2^21: ${a} (${features[0]} - ${f.z}) + ${b} (${q[0]} - ${image.z}), rounded once`,
  );
  say(`    ${list(y)}`);
  return y;
}

/** (7): windows of 4, 2 and 1 pixels, each with its own b. */
function pool(total: readonly number[], from: Affine, out: Affine, say: Say): number[] {
  const counts = [4, 2, 1];
  const same = from.s === out.s && from.z === out.z;
  const scales = counts.map((n) => from.s / out.s / n);
  const { b, c } = dyadic(
    scales,
    counts.map((n) => n * 255),
    say,
  );
  const y = indices(8).map((i) => {
    const covered = windowOf(i >> 1, 2, 2).map(({ from: pixel }) => total[pixel * 2 + (i & 1)]!);
    const differences = sum(covered.map((code) => code - (same ? 0 : from.z)));
    return clamp((same ? 0 : out.z) + roundShift(differences, b[counts.indexOf(covered.length)]!, c));
  });
  say(`(7) y = clamp(z_out + round(b_n sum(q - z_in) / 2^c)): n = 4, 2, 1 have b = ${list(b)}: ${list(y)}`);
  return y;
}

/** (8): a table of exponents and one division. */
function softmax(pooled: readonly number[], { s }: Affine, say: Say): number[] {
  const t = (d: number) => Math.floor(2 ** 23 * Math.exp(-d * s) + 0.5);
  const y = pooled.map((code, i) => {
    const pair = [code, pooled[i ^ 1]!];
    const top = Math.max(...pair);
    const total = sum(pair.map((other) => t(top - other)));
    return Math.min(127, Math.floor((256 * t(top - code) + Math.floor(total / 2)) / total) - 128);
  });
  const d = Math.abs(pooled[0]! - pooled[1]!);
  say(
    `(8) t[d] = floor(2^23 e^(-d s) + 1/2): t[0] = 2^23, t[${d}] = ${t(d)}; shares of 256, less 128: ${list(y)}`,
  );
  return y;
}

/** (11): every pixel divided by its length. */
function normalize(pooled: readonly number[], { z }: Affine, say: Say): number[] {
  const y = pooled.map((code, i) => {
    const squares = (code - z) ** 2 + (pooled[i ^ 1]! - z) ** 2;
    const r = Math.floor(Math.sqrt(2 ** 16 * squares));
    return r === 0 ? 0 : clamp(Math.floor(((code - z) * 2 ** 15 + Math.floor(r / 2)) / r));
  });
  say(`(11) y = floor((v 2^15 + r/2) / r), r = floor(sqrt(2^16 sum(v^2))): ${list(y)}`);
  return y;
}

// ---- the same network for the compiler --------------------------------------------------------------------------------

interface Quantized {
  readonly affines: Readonly<Record<string, Affine>>;
  readonly weights: {
    readonly s: readonly number[];
    readonly w: number[][];
    readonly bias: readonly number[];
  };
}

function graphOf({ affines, weights }: Quantized): Graph {
  const names = Object.keys(affines);
  const shapeOf = (name: string) => (names.indexOf(name) < 3 ? [1, 3, 3, 2] : [1, 2, 2, 2]);
  const activation = (name: string): Tensor => {
    const { s, z } = affines[name]!;
    return {
      name,
      dtype: "int8",
      shape: shapeOf(name),
      quantization: { scale: [s], zeroPoint: [z], axis: null },
    };
  };
  const perChannel = (scale: readonly number[]): Quantization => ({ scale, zeroPoint: [0, 0], axis: 0 });
  const { s, w, bias } = weights;
  const tensors: Tensor[] = [
    ...names.map(activation),
    {
      name: "w",
      dtype: "int8",
      shape: [2, 2, 2, 2],
      quantization: perChannel(s),
      data: Int8Array.from(w.flat()),
    },
    {
      name: "b",
      dtype: "int32",
      shape: [2],
      quantization: perChannel(s.map((own) => own * affines.image!.s)),
      data: Int32Array.from(bias),
    },
  ];
  const node = (op: string, inputs: readonly string[], output: string, attributes: unknown = {}): Node => {
    const index = (name: string) => tensors.findIndex((tensor) => tensor.name === name);
    return { name: output, op, inputs: inputs.map(index), outputs: [index(output)], attributes };
  };
  const border = (name: string): Border => {
    const shape = shapeOf(name);
    return { name, tensor: names.indexOf(name), dtype: "int8", shape, layout: "NHWC" };
  };
  const conv = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 1, 1], activation: "relu" };
  const window = { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 1, 1] };
  return {
    name: "by hand",
    tensors,
    nodes: [
      node("conv", ["image", "w", "b"], "features", conv),
      node("add", ["features", "image"], "total", { activation: "none" }),
      node("averagePool", ["total"], "pooled", { ...window, activation: "none", rounding: "halfUp" }),
      node("softmax", ["pooled"], "shares", { beta: 1 }),
      node("l2Normalization", ["pooled"], "directions"),
    ],
    inputs: [border("image")],
    outputs: names.slice(1).map(border),
  };
}

/** Says every step; returns each tensor's codes by hand and from the engine. */
export async function quantizeByHand(say: Say) {
  const float = floatNetwork();
  say(
    "An image of 3 x 3 x 2: conv 2 x 2 with relu, plus the image, averaged, softmax and L2 norm over channels.",
  );
  const { image, q } = quantizeImage(say);
  const weights = quantizeWeights(image, say);
  const { acc, bounds } = accumulate(image, q, weights.w, [...weights.bias], say);
  const [features, total, pooled] = [float.features, float.total, float.pooled].map(affineOf) as [
    Affine,
    Affine,
    Affine,
  ];
  const scales = weights.s.map((own) => (image.s * own) / features.s);
  say(`    s = s_in s_w / s_out = ${list(scales)}`);
  const { b, c } = dyadic(scales, bounds, say);
  const byHand: Record<string, number[]> = {};
  byHand.features = requantize(acc, b, c, features, say);
  byHand.total = add(byHand.features, features, q, image, total, say);
  byHand.pooled = pool(byHand.total, total, pooled, say);
  byHand.shares = softmax(byHand.pooled, pooled, say);
  byHand.directions = normalize(byHand.pooled, pooled, say);

  const [shares, directions] = [
    { s: 1 / 256, z: -128 },
    { s: 1 / 128, z: 0 },
  ];
  const affines = { image, features, total, pooled, shares, directions };
  const { model } = compileGraph(graphOf({ affines, weights }));
  const session = await InferenceSession.create(model);
  const outputs = await session.run({ image: Int8Array.from(q) });
  const engine = Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data)]),
  );
  const far = float.pooled.map((real, i) => Math.abs(real - pooled.s * (byHand.pooled![i]! - pooled.z)));
  say(
    `The means are at most ${(Math.max(...far) / pooled.s).toFixed(2)} scales from those of the float network.`,
  );
  for (const name of Object.keys(byHand)) {
    const same = byHand[name]!.join() === engine[name]!.join();
    say(`engine: ${name} ${same ? "is the same, bit for bit" : `differs: ${list(engine[name]!)}`}`);
  }
  return { byHand, engine, float, affines };
}

if (process.argv[1]?.includes("quantize-by-hand")) await quantizeByHand((line) => console.log(line));
