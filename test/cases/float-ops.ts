import { elements } from "../../src/graph/graph.ts";
import type { Activation } from "../../src/ops/activation.ts";
import { activate } from "../../src/ops/activation.ts";
import type { FloatValue } from "../../src/ops/op.ts";

type Run = (inputs: readonly FloatValue[], attributes: never) => FloatValue;

/** Every index of a shape in C order. */
function* indices(shape: readonly number[]): Generator<number[]> {
  for (let i = 0; i < elements(shape); i++) {
    let rest = i;
    yield shape
      .toReversed()
      .map((size) => {
        const index = rest % size;
        rest = Math.floor(rest / size);
        return index;
      })
      .toReversed();
  }
}

/** Element at an index, where sizes of 1 repeat and missing dimensions are in front. */
function at({ shape, data }: FloatValue, index: readonly number[]): number {
  const own = index.slice(index.length - shape.length);
  return data[shape.reduce((sum, size, axis) => sum * size + (size === 1 ? 0 : own[axis]!), 0)]!;
}

function made(shape: readonly number[], value: (index: number[]) => number): FloatValue {
  return { shape, data: Float32Array.from([...indices(shape)], value) };
}

function binary(compute: (x: number, y: number) => number): Run {
  return ([a, b], { activation }: { activation: Activation }) => {
    const rank = Math.max(a!.shape.length, b!.shape.length);
    const size = (value: FloatValue, axis: number) => value.shape[axis - rank + value.shape.length] ?? 1;
    const shape = Array.from({ length: rank }, (_, axis) => Math.max(size(a!, axis), size(b!, axis)));
    return made(shape, (index) => activate(compute(at(a!, index), at(b!, index)), activation));
  };
}

/** Abramowitz and Stegun 7.1.26 is too coarse: the series of erf, to double precision for |x| < 6. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const clip = (x: number, low: number, high: number) => Math.min(high, Math.max(low, x));

/** Functions of `unary`, as their papers define them. */
export const UNARY: Readonly<Record<string, (x: number, alpha: number, beta: number) => number>> = {
  clip,
  elu: (x, alpha) => (x < 0 ? alpha * (Math.exp(x) - 1) : x),
  erf,
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  hardSigmoid: (x, alpha, beta) => clip(alpha * x + beta, 0, 1),
  hardSwish: (x) => (x * clip(x + 3, 0, 6)) / 6,
  neg: (x) => -x,
  leakyRelu: (x, alpha) => (x < 0 ? alpha * x : x),
  sigmoid,
  silu: (x) => x * sigmoid(x),
  tanh: Math.tanh,
};

/** Independent float meanings of ops, with the broadcasting that their own declarations may not have yet. */
export const FOREIGN: Readonly<Record<string, Run>> = {
  add: binary((x, y) => x + y),
  mul: binary((x, y) => x * y),
  sub: binary((x, y) => x - y),
  minimum: binary(Math.min),
  maximum: binary(Math.max),
  prelu: ([x, slope]) =>
    made(x!.shape, (index) => (at(x!, index) < 0 ? at(slope!, index) : 1) * at(x!, index)),
  unary: (
    [x],
    { function: name, alpha = 0, beta = 0 }: { function: string; alpha?: number; beta?: number },
  ) => ({
    shape: x!.shape,
    data: x!.data.map((value) => UNARY[name]!(value, alpha, beta)),
  }),
  slice: ([x], { begin, size, strides }: Record<"begin" | "size" | "strides", readonly number[]>) =>
    made(size, (index) =>
      at(
        x!,
        index.map((i, axis) => begin[axis]! + i * strides[axis]!),
      ),
    ),
  transpose: ([x], { permutation }: { permutation: readonly number[] }) =>
    made(
      permutation.map((axis) => x!.shape[axis]!),
      (index) =>
        at(
          x!,
          x!.shape.map((_, axis) => index[permutation.indexOf(axis)]!),
        ),
    ),
  concat: (inputs, { axis }: { axis: number }) => {
    const total = inputs.reduce((sum, input) => sum + input.shape[axis]!, 0);
    return made(
      inputs[0]!.shape.map((size, i) => (i === axis ? total : size)),
      (index) => {
        let rest = index[axis]!;
        const part = inputs.find((input) => {
          if (rest < input.shape[axis]!) return true;
          rest -= input.shape[axis]!;
          return false;
        });
        return at(
          part!,
          index.map((i, a) => (a === axis ? rest : i)),
        );
      },
    );
  },
};
