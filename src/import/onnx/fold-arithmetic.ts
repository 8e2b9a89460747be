import { elements } from "../../graph/graph.ts";
import { type Constant, type ElementType, isFloat, type NumericArray } from "./constant.ts";
import { type Folder, required } from "./folder.ts";
import { axesOf, broadcast } from "./operator.ts";

/** Results of arithmetic: floats round to float32 as ONNX's do, integers are exact in float64. */
function typed(type: ElementType, shape: readonly number[], values: Float64Array): Constant {
  const data: NumericArray = type === "double" || !isFloat(type) ? values : Float32Array.from(values);
  return { name: "", type, shape, data };
}

/** For every element of `shape` in C order, the position in a tensor of shape `own` that broadcasts to it. */
function positions(own: readonly number[], shape: readonly number[]): (at: number) => number {
  const missing = shape.length - own.length;
  const inner = shape.map((_, axis) => elements(shape.slice(axis + 1)));
  const strides = shape.map((_, axis) => {
    const size = own[axis - missing] ?? 1;
    return size === 1 ? 0 : elements(own.slice(axis - missing + 1));
  });
  return (at) => {
    let position = 0;
    for (let axis = missing; axis < shape.length; axis++) {
      if (strides[axis] !== 0) position += (Math.floor(at / inner[axis]!) % shape[axis]!) * strides[axis]!;
    }
    return position;
  };
}

function binary(compute: (a: number, b: number, integer: boolean) => number, to?: ElementType): Folder {
  return (_, inputs, budget) => {
    const [a, b] = [required(inputs, 0), required(inputs, 1)];
    const shape = broadcast(a.shape, b.shape);
    const count = elements(shape);
    budget.claim(count);
    const [inA, inB] = [positions(a.shape, shape), positions(b.shape, shape)];
    const integer = !isFloat(a.type);
    const values = Float64Array.from({ length: count }, (_, i) =>
      compute(a.data[inA(i)]!, b.data[inB(i)]!, integer),
    );
    return typed(to ?? a.type, shape, values);
  };
}

/** Min, Max, Sum and Mean take any number of inputs. */
function variadic(compute: (a: number, b: number) => number): Folder {
  const two = binary(compute);
  return (operator, inputs, budget) =>
    inputs.map((_, i) => required(inputs, i)).reduce((a, b) => two(operator, [a, b], budget));
}

function unary(compute: (x: number) => number): Folder {
  return (_, inputs, budget) => {
    const x = required(inputs, 0);
    budget.claim(x.data.length);
    return typed(x.type, x.shape, Float64Array.from(x.data, compute));
  };
}

const where: Folder = (_, inputs, budget) => {
  const [condition, a, b] = [required(inputs, 0), required(inputs, 1), required(inputs, 2)];
  const shape = broadcast(condition.shape, broadcast(a.shape, b.shape));
  const count = elements(shape);
  budget.claim(count);
  const [at, inA, inB] = [condition, a, b].map((part) => positions(part.shape, shape)) as [
    (at: number) => number,
    (at: number) => number,
    (at: number) => number,
  ];
  const values = Float64Array.from({ length: count }, (_, i) =>
    condition.data[at(i)] !== 0 ? a.data[inA(i)]! : b.data[inB(i)]!,
  );
  return typed(a.type, shape, values);
};

function reduce(start: number, step: (sum: number, x: number) => number, mean = false): Folder {
  return (operator, inputs, budget) => {
    const x = required(inputs, 0);
    const list = inputs[1] === undefined ? operator.ints("axes") : Array.from(inputs[1].data);
    const axes = list?.length ? axesOf(list, x.shape.length) : x.shape.map((_, axis) => axis);
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const count = elements(kept);
    budget.claim(count + x.data.length);
    const values = new Float64Array(count).fill(start);
    const place = positions(kept, x.shape);
    x.data.forEach((value, i) => {
      values[place(i)] = step(values[place(i)]!, value);
    });
    const size = x.data.length / count;
    const shape = operator.int("keepdims", 1) === 1 ? kept : kept.filter((_, axis) => !axes.includes(axis));
    return typed(x.type, shape, mean ? values.map((sum) => sum / size) : values);
  };
}

/** Folders of the operators that compute element by element, and of the reductions. */
export const ARITHMETIC: Readonly<Record<string, Folder>> = {
  Abs: unary(Math.abs),
  Add: binary((a, b) => a + b),
  And: binary((a, b) => (a !== 0 && b !== 0 ? 1 : 0), "bool"),
  Ceil: unary(Math.ceil),
  Div: binary((a, b, integer) => (integer ? Math.trunc(a / b) : a / b)),
  Equal: binary((a, b) => (a === b ? 1 : 0), "bool"),
  Exp: unary(Math.exp),
  Floor: unary(Math.floor),
  Greater: binary((a, b) => (a > b ? 1 : 0), "bool"),
  Less: binary((a, b) => (a < b ? 1 : 0), "bool"),
  Log: unary(Math.log),
  Max: variadic(Math.max),
  Min: variadic(Math.min),
  Mod: binary((a, b) => a - b * Math.floor(a / b)),
  Mul: binary((a, b) => a * b),
  Neg: unary((x) => -x),
  Not: unary((x) => (x === 0 ? 1 : 0)),
  Or: binary((a, b) => (a !== 0 || b !== 0 ? 1 : 0), "bool"),
  Pow: binary((a, b) => a ** b),
  Reciprocal: unary((x) => 1 / x),
  ReduceMax: reduce(-Infinity, Math.max),
  ReduceMean: reduce(0, (sum, x) => sum + x, true),
  ReduceMin: reduce(Infinity, Math.min),
  ReduceProd: reduce(1, (product, x) => product * x),
  ReduceSum: reduce(0, (sum, x) => sum + x),
  Relu: unary((x) => Math.max(0, x)),
  Sqrt: unary(Math.sqrt),
  Sub: binary((a, b) => a - b),
  Sum: variadic((a, b) => a + b),
  Where: where,
};
